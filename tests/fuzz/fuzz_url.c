/* Addresses: what is asked is what was checked, and what is shown gives nothing away. */
#include "tests/fuzz/fuzz.h"

#include "common/lib/http_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *url = copy_of(data, size, true), shown[SU_URL_SHOWN];
    struct su_err err = SU_ERR_INIT;
    static struct su_url parts, again;
    su_url_shown(url, shown);
    HOLDS(memchr(shown, 0, sizeof shown));
    for (const char *at = shown; *at; at++)
        HOLDS((unsigned char)*at >= ' ' && *at != 127);
    if (su_url_check(url, &err) < 0) {
        check_refusal(&err);
        HOLDS(!su_url_normal(url, &err));
    } else {
        char *normal = su_url_normal(url, &err), *twice = normal ? su_url_normal(normal, &err) : NULL;
        HOLDS(normal && twice && strcmp(normal, twice) == 0);
        for (const char *at = normal; *at && *at != '#'; at++) /* what follows is not asked */
            HOLDS((unsigned char)*at > ' ' && *at != 127);
        HOLDS(su_utf8_is_valid(normal, strlen(normal)) && su_utf8_is_valid(shown, strlen(shown)));
        HOLDS(!strchr(shown, '@') || !strstr(shown, "://") || strchr(strstr(shown, "://") + 3, '/'));
        int result = su_url_split(url, &parts, &err);
        HOLDS(result == su_url_split(normal, &again, &err));
        HOLDS(result < 0 || (parts.path[0] == '/' && parts.port == again.port && parts.port <= 65535 &&
                             strcmp(parts.host, again.host) == 0 && strcmp(parts.path, again.path) == 0));
        free(normal);
        free(twice);
    }
    free(url);
    return 0;
}
