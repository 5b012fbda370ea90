#include "common/hub/request.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/point/home.h"

/* ASCII letters only: no locale may make another name of it. */
static bool is_name(const char *name, const char *capitals)
{
    size_t i = 0;
    for (; name[i] && capitals[i]; i++) {
        char c = name[i];
        if ((c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) != capitals[i])
            return false;
    }
    return name[i] == capitals[i];
}

int su_requests_find(int home, struct su_requests *out, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd inbox = -1;
    SU_AUTO(su_names) struct su_names names = {0};
    *out = (struct su_requests){.count = 0};
    if (su_dir_open_below(&inbox, home, SU_INBOX_NAME, err) < 0 ||
        su_dir_list(inbox, &names, SU_MAX_INBOX_NAMES, err) < 0)
        return su_prefix(err, SU_INBOX_NAME);
    for (size_t i = 0; i < names.count && out->count < sizeof out->at / sizeof *out->at; i++) {
        bool is_full = is_name(names.at[i], "FULL.SYN");
        if (!is_full && !is_name(names.at[i], "SELF.SYN"))
            continue;
        if (!su_file_look(inbox, names.at[i], &out->at[out->count].mark) ||
            !out->at[out->count].mark.is_regular)
            continue;
        memcpy(out->at[out->count++].name, names.at[i], sizeof out->at->name);
        out->is_full |= is_full;
    }
    return 0;
}

int su_requests_remove(int home, const struct su_requests *found, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd inbox = -1;
    if (su_dir_open_below(&inbox, home, SU_INBOX_NAME, err) < 0)
        return su_prefix(err, SU_INBOX_NAME);
    for (size_t i = 0; i < found->count; i++) {
        struct su_file_mark now;
        if (su_file_look(inbox, found->at[i].name, &now) &&
            memcmp(&now, &found->at[i].mark, sizeof now) == 0 &&
            su_file_remove(inbox, found->at[i].name, err) < 0)
            return su_prefix(err, SU_INBOX_NAME);
    }
    return su_dir_sync(inbox, err);
}
