#include "tools/cli/passphrase.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/limits.h"

static int read_first_line(const char *path, char *out, size_t room, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    size_t used = 0;
    ssize_t n;
    if (su_file_open(&fd, AT_FDCWD, path, NULL, err) < 0)
        return su_prefix(err, "passphrase file");
    while (used < room && (n = su_file_read(fd, out + used, room - used, err)) != 0) {
        if (n < 0)
            return -1;
        used += (size_t)n;
    }
    const char *end = memchr(out, '\n', used);
    size_t length = end ? (size_t)(end - out) : used;
    if (length > 0 && out[length - 1] == '\r')
        length--;
    if (length == 0)
        return su_fail(err, SU_PASSPHRASE, "the first line of %s is empty", path);
    if (length >= room || memchr(out, 0, length))
        return su_fail(err, SU_PASSPHRASE, "the first line of %s is longer than %zu bytes, or holds a NUL",
                       path, room - 1);
    out[length] = 0;
    return 0;
}

static int get(void *context, const char *key, char *out, size_t room, struct su_err *err)
{
    struct su_context *c = context;
    char prompt[128];
    if (su_given(c, "passphrase-file"))
        return read_first_line(su_given(c, "passphrase-file"), out, room, err);
    if (isatty(STDIN_FILENO) != 1) {
        (void)su_fail(err, SU_PASSPHRASE,
                      "key %s is protected by a passphrase, and there is no terminal to ask on", key);
        return su_remedy(err, "Give --passphrase-file FILE; its first line is the passphrase.");
    }
    (void)snprintf(prompt, sizeof prompt, "Passphrase of key %.64s: ", key);
    return su_passphrase_ask(prompt, out, room, err);
}

struct su_passphrase su_cli_passphrase(struct su_context *context)
{
    return (struct su_passphrase){get, context};
}

int su_cli_new_passphrase(const struct su_context *c, char out[SU_MAX_PASSPHRASE_BYTES], bool *is_given,
                          struct su_err *err)
{
    const char *path = su_given(c, "passphrase-file");
    *is_given = path != NULL;
    out[0] = 0;
    return path ? read_first_line(path, out, SU_MAX_PASSPHRASE_BYTES, err) : 0;
}
