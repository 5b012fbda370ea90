#include "common/lib/http_url.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/limits.h"
#include "common/base/text.h"

/* libcurl escapes a path and what is asked; names of people and hosts stay as they are, in any script. A
 * percent sign in a host's name it would escape once more each time. */
static const char *flaw(CURLU *parts)
{
    char *url = NULL, *host = NULL;
    bool is_text = curl_url_get(parts, CURLUPART_URL, &url, 0) == CURLUE_OK &&
                   curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK && !strchr(host, '%');
    size_t length = is_text ? strlen(url) : 0, n;
    uint32_t character;
    for (size_t at = 0; is_text && at < length; at += n) {
        n = su_utf8_decode(url + at, length - at, &character);
        is_text = n > 0 && !su_is_control(character) && (character != ' ' || memchr(url, '#', at));
    }
    curl_free(host);
    curl_free(url);
    return !is_text                    ? "a name in it is no text"
           : length > SU_MAX_URL_BYTES ? "too long when it is escaped"
                                       : NULL;
}

/* libcurl's own reading of the address, so that what is checked is what is asked. */
static CURLU *parse(const char *url, struct su_err *err)
{
    static const char not_one[] = "not an address to fetch from";
    CURLU *parts = NULL;
    char *scheme = NULL;
    size_t length = strnlen(url, SU_MAX_URL_BYTES + 1);
    if (length > SU_MAX_URL_BYTES) {
        (void)su_fail(err, SU_ADDRESS, "%s: longer than %u bytes", not_one, SU_MAX_URL_BYTES);
        return NULL;
    }
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)url[i] < 0x20 || url[i] == 0x7f) {
            (void)su_fail(err, SU_ADDRESS, "%s: it has control characters", not_one);
            return NULL;
        }
    parts = curl_url();
    if (!parts) {
        (void)su_fail_memory(err);
        return NULL;
    }
    CURLUcode code = curl_url_set(parts, CURLUPART_URL, url,
                                  CURLU_NON_SUPPORT_SCHEME | CURLU_ALLOW_SPACE | CURLU_URLENCODE);
    bool is_good = code == CURLUE_OK && curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                   (strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0);
    if (!is_good)
        (void)(code == CURLUE_OK ? su_fail(err, SU_ADDRESS, "%s: '%s' is neither http nor https", not_one,
                                           scheme ? scheme : "")
                                 : su_fail(err, SU_ADDRESS, "%s: %s", not_one, curl_url_strerror(code)));
    curl_free(scheme);
    const char *why = is_good ? flaw(parts) : NULL;
    if (why)
        is_good = su_fail(err, SU_ADDRESS, "%s: %s", not_one, why) == 0;
    if (!is_good) {
        curl_url_cleanup(parts);
        return NULL;
    }
    return parts;
}

int su_url_check(const char *url, struct su_err *err)
{
    CURLU *parts = parse(url, err);
    curl_url_cleanup(parts);
    return parts ? 0 : -1;
}

void su_url_shown(const char *url, char out[SU_URL_SHOWN])
{
    struct su_err ignored = SU_ERR_INIT;
    CURLU *parts = parse(url, &ignored);
    char *text = NULL, *query = NULL;
    (void)snprintf(out, SU_URL_SHOWN, "an address that cannot be shown");
    if (!parts)
        return;
    bool has_query = curl_url_get(parts, CURLUPART_QUERY, &query, 0) == CURLUE_OK;
    if (curl_url_set(parts, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
        curl_url_set(parts, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK &&
        curl_url_set(parts, CURLUPART_QUERY, NULL, 0) == CURLUE_OK &&
        curl_url_set(parts, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_URL, &text, 0) == CURLUE_OK)
        (void)snprintf(out, SU_URL_SHOWN, "%s%s", text, has_query ? "?..." : "");
    curl_free(query);
    curl_free(text);
    curl_url_cleanup(parts);
}

char *su_url_normal(const char *url, struct su_err *err)
{
    CURLU *parts = parse(url, err);
    char *text = NULL, *out = NULL;
    if (!parts)
        return NULL;
    CURLUcode code = curl_url_get(parts, CURLUPART_URL, &text, 0);
    curl_url_cleanup(parts);
    if (code == CURLUE_OK && !(out = strdup(text)))
        (void)su_fail_memory(err);
    else if (code != CURLUE_OK)
        (void)su_fail(err, SU_ADDRESS, "not an address to fetch from: %s", curl_url_strerror(code));
    curl_free(text);
    return out;
}

int su_url_split(const char *url, struct su_url *out, struct su_err *err)
{
    CURLU *parts = parse(url, err);
    char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL;
    if (!parts)
        return -1;
    int result = -1;
    *out = (struct su_url){0};
    if (curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_PATH, &path, 0) == CURLUE_OK && strlen(host) < sizeof out->host &&
        strlen(path) < sizeof out->path && su_u64_parse(&out->port, port, strlen(port), 65535)) {
        out->is_secure = strcasecmp(scheme, "https") == 0;
        memcpy(out->host, host, strlen(host) + 1);
        memcpy(out->path, path, strlen(path) + 1);
        result = 0;
    } else {
        (void)su_fail(err, SU_ADDRESS, "not an address to fetch from: no server and port in it");
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_url_cleanup(parts);
    return result;
}
