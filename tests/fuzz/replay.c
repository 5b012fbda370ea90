/* Runs a harness over files and folders of inputs, without a fuzzer: any compiler will do. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>

static unsigned long ran;

static void run_file(int at, const char *name)
{
    struct stat st;
    int fd = openat(at, name, O_RDONLY | O_CLOEXEC);
    HOLDS(fd >= 0 && fstat(fd, &st) == 0);
    uint8_t *bytes = malloc((size_t)st.st_size + 1);
    HOLDS(bytes && read(fd, bytes, (size_t)st.st_size) == st.st_size);
    uint8_t *exact = (uint8_t *)copy_of(bytes, (size_t)st.st_size, false);
    free(bytes);
    (void)close(fd);
    (void)LLVMFuzzerTestOneInput(exact, (size_t)st.st_size);
    free(exact);
    ran++;
}

int main(int count, char **paths)
{
    if (count < 2) {
        (void)fprintf(stderr, "usage: %s FILE|FOLDER...\n", paths[0]);
        return 2;
    }
    for (int i = 1; i < count; i++) {
        DIR *dir = opendir(paths[i]);
        if (!dir) {
            run_file(AT_FDCWD, paths[i]);
            continue;
        }
        for (struct dirent *entry; (entry = readdir(dir));)
            if (entry->d_name[0] != '.') {
                (void)setenv("SU_FUZZ_INPUT", entry->d_name, 1); /* seen in a core or a debugger */
                run_file(dirfd(dir), entry->d_name);
            }
        (void)closedir(dir);
    }
    (void)printf("%lu inputs\n", ran);
    return 0;
}
