/* One changing run per home; the second is told who holds the lock. */
#include "helpers.h"

#include <signal.h>
#include <sys/wait.h>

#include "common/sys/lock.h"

/* A second process: takes the lock if it can and tells by its exit status. */
static int try_in_child(int dir, const char *must_name, bool expect_taken)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        su_fd fd = -1;
        struct su_err err = SU_ERR_INIT;
        int result = su_lock_take(&fd, dir, "second", &err);
        if (expect_taken)
            _exit(result == 0 ? 0 : 1);
        _exit(result < 0 && err.code == SU_LOCKED && strstr(err.text, must_name) ? 0 : 2);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_second_run_is_told_the_holder(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state), lock = -1;
    char holder[64];
    GOOD(su_lock_take(&lock, dir, "import /media/usb", &e));
    assert_int_equal(try_in_child(dir, "import /media/usb", false), 0);
    (void)snprintf(holder, sizeof holder, "process %ld", (long)getpid());
    assert_int_equal(try_in_child(dir, holder, false), 0);
    su_fd other = -1;
    REFUSED(su_lock_take(&other, dir, "second", &e), SU_LOCKED);
    assert_memory_equal(e.text, "another run holds the lock: import /media/usb, process ", 55);
    assert_int_equal(e.text[strlen(e.text) - 1], 'Z'); /* ends with the time */
    su_fd_cleanup(&lock);
    assert_int_equal(try_in_child(dir, "", true), 0);
    GOOD(su_lock_take(&lock, dir, "x", &e)); /* the child is gone and its lock with it */
}

static void test_a_killed_run_leaves_no_lock(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state), lock = -1;
    int pipes[2];
    char ready;
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        su_fd fd = -1;
        struct su_err err = SU_ERR_INIT;
        if (su_lock_take(&fd, dir, "doomed", &err) == 0 && write(pipes[1], "r", 1) == 1)
            (void)pause();
        _exit(1);
    }
    assert_int_equal(read(pipes[0], &ready, 1), 1);
    REFUSED(su_lock_take(&lock, dir, "next", &e), SU_LOCKED);
    NAMES("doomed");
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
    GOOD(su_lock_take(&lock, dir, "next", &e));
    size_t length;
    char *text = get_file(in_place(state, "lock"), &length); /* nothing of the longer old text is left behind */
    assert_memory_equal(text, "next, process ", 14);
    assert_ptr_equal(strchr(text, '\n'), text + length - 1);
    free(text);
}

/* The file's text comes from whoever wrote it: it is shown, not obeyed. */
static void test_text_of_the_lock_file_is_escaped(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state), lock = -1, other = -1;
    GOOD(su_lock_take(&lock, dir, "\x1b[2J", &e));
    REFUSED(su_lock_take(&other, dir, "second", &e), SU_LOCKED);
    NAMES("\\x1b[2J");
}

static void test_long_command(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state), lock = -1, other = -1;
    char command[1000];
    memset(command, 'c', sizeof command);
    command[sizeof command - 1] = 0;
    GOOD(su_lock_take(&lock, dir, command, &e));
    REFUSED(su_lock_take(&other, dir, "second", &e), SU_LOCKED);
    NAMES("ccccccccccccccc");
    NAMES(", process "); /* who it is matters more than the whole of a long command */
    size_t length;
    char *text = get_file(in_place(state, "lock"), &length);
    assert_int_equal(strlen(text), length);
    assert_ptr_equal(strchr(text, '\n'), text + length - 1);
    free(text);
}

static void test_lock_does_not_follow_a_link(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state), lock = -1;
    put_file(in_place(state, "precious"), "data", 4);
    assert_int_equal(symlink("precious", in_place(state, "lock")), 0);
    REFUSED(su_lock_take(&lock, dir, "x", &e), SU_DATA);
    size_t length;
    char *text = get_file(in_place(state, "precious"), &length);
    assert_string_equal(text, "data");
    free(text);
}

int main(void)
{
#define PLACED(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
    const struct CMUnitTest tests[] = {
        PLACED(test_second_run_is_told_the_holder),
        PLACED(test_a_killed_run_leaves_no_lock),
        PLACED(test_text_of_the_lock_file_is_escaped),
        PLACED(test_long_command),
        PLACED(test_lock_does_not_follow_a_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
