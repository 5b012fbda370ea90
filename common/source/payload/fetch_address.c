#include "common/source/payload/fetch_address.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/text.h"
#include "common/lib/http_url.h"

/* Without slashes at the end; whether it ends in /Content. */
static bool is_content_path(char *path)
{
    static const char name[] = "/content";
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] == '/')
        path[--length] = 0;
    return length >= sizeof name - 1 && strcasecmp(path + length - (sizeof name - 1), name) == 0;
}

static uint64_t content_port(const struct su_url *url)
{
    if (!url->is_secure || url->port < 2)
        return url->port;
    return url->port == 443 ? 80 : url->port - 1;
}

int su_fetch_root(const char *server, char out[SU_ADDRESS_TEXT], struct su_err *err)
{
    struct su_url url;
    if (su_url_split(server, &url, err) < 0)
        return -1;
    if (is_content_path(url.path)) {
        (void)snprintf(out, SU_ADDRESS_TEXT, "%s", server);
        for (size_t n = strlen(out); n > 0 && out[n - 1] == '/';)
            out[--n] = 0;
        return 0;
    }
    (void)snprintf(out, SU_ADDRESS_TEXT, "http://%s:%llu/Content", url.host,
                   (unsigned long long)content_port(&url));
    return 0;
}

/* What follows the last dot, when it is one that a file on such a server can have; "" when not. */
static const char *extension(const char *name)
{
    const char *dot = strrchr(name, '.');
    size_t length = dot ? strlen(dot + 1) : 0;
    if (length == 0 || length > 16)
        return "";
    for (const char *c = dot + 1; *c; c++)
        if (!(*c >= '0' && *c <= '9') && !(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z'))
            return "";
    return dot;
}

int su_fetch_address(const char *root, const uint8_t sha1[SU_SHA1_BYTES], const char *name,
                     char out[SU_ADDRESS_TEXT], struct su_err *err)
{
    char digest[2 * SU_SHA1_BYTES + 1];
    su_hex_format(sha1, SU_SHA1_BYTES, digest);
    for (char *c = digest; *c; c++)
        if (*c >= 'a' && *c <= 'f')
            *c = (char)(*c - 'a' + 'A');
    int length = snprintf(out, SU_ADDRESS_TEXT, "%s/%s/%s%s", root, digest + 2 * SU_SHA1_BYTES - 2, digest,
                          extension(name));
    return length > 0 && length < SU_ADDRESS_TEXT
               ? 0
               : su_fail(err, SU_ADDRESS, "not an address to fetch from: too long");
}
