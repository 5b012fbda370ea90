#include "common/source/vendor/vendor_open.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/lib/http.h"
#include "common/source/vendor/vendor_signer.h"

#define SIGNATURE_END ".p7s"

void su_vendor_opened_cleanup(struct su_vendor_opened *o)
{
    su_fd_cleanup(&o->fd);
}

static bool is_address(const char *from)
{
    return strncmp(from, "http://", 7) == 0 || strncmp(from, "https://", 8) == 0;
}

static int to_file(void *context, const void *bytes, size_t length, struct su_err *err)
{
    return su_file_write(*(int *)context, bytes, length, err);
}

/* -1, or the file without a name; *status tells of an answer that is no file. */
static int download(struct su_home *home, const char *url, uint64_t most, su_fd *out, long *status,
                    struct su_err *err)
{
    const struct su_http_options options = {.max_bytes = most};
    SU_AUTO(su_http) struct su_http *http = su_http_new(&options, err);
    char name[SU_TEMP_TEXT];
    su_temp_name(name);
    if (!http || su_file_create(out, home->dir, name, 0, err) < 0 ||
        su_file_remove(home->dir, name, err) < 0 || su_http_get(http, url, to_file, out, status, err) < 0)
        return -1;
    return 0;
}

static int open_address(struct su_vendor_opened *o, struct su_home *home, const char *url, struct su_err *err)
{
    char shown[SU_URL_SHOWN];
    struct stat st;
    long status;
    su_url_shown(url, shown);
    if (download(home, url, SU_MAX_VENDOR_DOWNLOAD_BYTES, &o->fd, &status, err) < 0)
        return su_prefix(err, "%s", shown);
    if (status != 200)
        return su_fail(err, SU_NETWORK, "%s: the server answers with status %ld", shown, status);
    if (fstat(o->fd, &st) < 0)
        return su_fail_sys(err, "%s", shown);
    o->bytes = (uint64_t)st.st_size;
    return 0;
}

static int read_whole(int fd, uint64_t bytes, struct su_buf *out, struct su_err *err)
{
    char *to = bytes <= out->max ? su_buf_reserve(out, (size_t)bytes) : NULL;
    if (!to)
        return su_fail(err, SU_LIMIT, "%llu bytes, at most %zu are accepted", (unsigned long long)bytes,
                       out->max);
    if (su_file_read_at(fd, to, (size_t)bytes, 0, err) < 0)
        return -1;
    su_buf_grow_by(out, (size_t)bytes);
    return 0;
}

/* The signature beside it; 0 bytes when there is none. */
static int find_detached(struct su_home *home, const char *from, struct su_buf *der, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    char path[4096];
    uint64_t bytes;
    long status = 200;
    struct stat st;
    int n = snprintf(path, sizeof path, "%s" SIGNATURE_END, from);
    if (n < 0 || (size_t)n >= sizeof path)
        return 0;
    if (is_address(from)) {
        if (download(home, path, SU_MAX_CMS_BYTES, &fd, &status, err) < 0)
            return -1;
        if (status != 200)
            return 0;
        if (fstat(fd, &st) < 0)
            return su_fail_sys(err, "reading the signature");
        return read_whole(fd, (uint64_t)st.st_size, der, err);
    }
    if (!su_file_exists(AT_FDCWD, path))
        return 0;
    return su_file_open(&fd, AT_FDCWD, path, &bytes, err) < 0 ? -1 : read_whole(fd, bytes, der, err);
}

static int read_detached(struct su_vendor_opened *o, struct su_home *home, const char *from,
                         struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf der = SU_BUF_INIT(SU_MAX_CMS_BYTES);
    if (find_detached(home, from, &der, err) < 0)
        return su_prefix(err, "%s", SIGNATURE_END);
    if (der.length == 0)
        return 0;
    return su_vendor_signer(o->fd, o->bytes, &der, &o->signer, err) < 0 ? su_prefix(err, "%s", SIGNATURE_END)
                                                                        : 0;
}

int su_vendor_open(struct su_vendor_opened *out, struct su_home *home, const char *from, struct su_err *err)
{
    struct stat st;
    *out = (struct su_vendor_opened)SU_VENDOR_OPENED_INIT;
    if (is_address(from)) {
        if (open_address(out, home, from, err) < 0)
            return -1;
    } else {
        out->is_folder = stat(from, &st) == 0 && S_ISDIR(st.st_mode);
        if (out->is_folder)
            return su_dir_open(&out->fd, AT_FDCWD, from, err);
        if (su_file_open(&out->fd, AT_FDCWD, from, &out->bytes, err) < 0)
            return -1;
    }
    if (su_vendor_signer(out->fd, out->bytes, NULL, &out->signer, err) < 0)
        return -1;
    return out->signer.is_signed ? 0 : read_detached(out, home, from, err);
}
