/* A mutator for texts of lines, beside libFuzzer's own: whole lines move, values change places, numbers step.
 */
#include "tests/fuzz/fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

#define MOST_LINES 4096

struct line {
    const uint8_t *at;
    size_t length;
};

static size_t split(const uint8_t *data, size_t size, struct line lines[MOST_LINES])
{
    size_t count = 0;
    for (size_t from = 0; from < size && count < MOST_LINES; count++) {
        const uint8_t *lf = count + 1 < MOST_LINES ? memchr(data + from, '\n', size - from) : NULL;
        size_t n = lf ? (size_t)(lf - data) - from + 1 : size - from;
        lines[count] = (struct line){data + from, n};
        from += n;
    }
    return count;
}

/* One line for another, after it, or away. */
static size_t move_lines(uint8_t *data, size_t size, size_t max_size, unsigned *seed)
{
    static struct line lines[MOST_LINES];
    uint8_t *copy = malloc(size + 1), *out = copy;
    size_t count = copy ? split(data, size, lines) : 0, length = 0;
    if (count < 2) {
        free(copy);
        return 0;
    }
    size_t from = (unsigned)rand_r(seed) % count, to = (unsigned)rand_r(seed) % count;
    int what = rand_r(seed) % 4; /* copy after, move, drop, replace */
    bool fits = what != 0 || size + lines[from].length <= max_size;
    out = malloc(2 * size + 1);
    for (size_t i = 0; out && fits && i < count; i++) {
        if (!((what == 1 && i == from) || (what == 2 && i == from) || (what == 3 && i == to))) {
            memcpy(out + length, lines[i].at, lines[i].length);
            length += lines[i].length;
        }
        if (what != 2 && i == to) {
            memcpy(out + length, lines[from].at, lines[from].length);
            length += lines[from].length;
        }
    }
    if (length > max_size)
        length = 0;
    if (length > 0)
        memcpy(data, out, length);
    free(out);
    free(copy);
    return length;
}

/* A decimal number becomes its neighbour, another one, or a limit. */
static size_t step_number(uint8_t *data, size_t size, size_t max_size, unsigned *seed)
{
    static const char *const limits[] = {"0",
                                         "1",
                                         "255",
                                         "65535",
                                         "999999",
                                         "4294967295",
                                         "9223372036854775807",
                                         "9223372036854775808",
                                         "18446744073709551615",
                                         "-1",
                                         "00"};
    size_t start = (unsigned)rand_r(seed) % size, end, n;
    char text[32];
    while (start < size && !(data[start] >= '0' && data[start] <= '9'))
        start++;
    for (end = start; end < size && end - start < 19 && data[end] >= '0' && data[end] <= '9';)
        end++;
    if (start == end)
        return 0;
    memcpy(text, data + start, end - start);
    text[end - start] = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    int what = rand_r(seed) % 4;
    if (what < 2)
        n = (size_t)snprintf(text, sizeof text, "%llu", what ? value + 1 : value - 1);
    else
        n = (size_t)snprintf(text, sizeof text, "%s",
                             limits[(unsigned)rand_r(seed) % (sizeof limits / sizeof *limits)]);
    if (size - (end - start) + n > max_size)
        return 0;
    memmove(data + start + n, data + end, size - end);
    memcpy(data + start, text, n);
    return size - (end - start) + n;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    size_t made = 0;
    int what = rand_r(&seed) % 6;
    if (size > 0 && what == 0)
        made = move_lines(data, size, max_size, &seed);
    else if (size > 0 && what == 1)
        made = step_number(data, size, max_size, &seed);
    return made > 0 ? made : LLVMFuzzerMutate(data, size, max_size);
}
