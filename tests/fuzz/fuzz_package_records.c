/* metadata.txt of an export package, pulled in pieces of any size. */
#include "tests/fuzz/fuzz.h"

#include "common/source/package/package_records.h"

struct pieces {
    struct input in;
    size_t most;
};
static ssize_t pull(void *context, void *out, size_t room, struct su_err *err)
{
    struct pieces *p = context;
    size_t n = p->in.left < p->most ? p->in.left : p->most;
    (void)err;
    n = n < room ? n : room;
    memcpy(out, p->in.at, n);
    p->in.at += n;
    p->in.left -= n;
    return (ssize_t)n;
}

struct sum {
    uint64_t records, bytes;
    int result;
};
static struct sum read_all(struct input in, size_t most)
{
    struct pieces pieces = {in, most};
    SU_AUTO(su_package_records) struct su_package_records records;
    struct su_record record;
    struct su_err err = SU_ERR_INIT;
    struct sum sum = {0};
    su_package_records_open(&records, pull, &pieces);
    while ((sum.result = su_package_records_next(&records, &record, &err)) > 0) {
        HOLDS(su_utf8_is_valid(record.document, record.document_bytes));
        sum.records++;
        sum.bytes += record.document_bytes;
    }
    if (sum.result < 0)
        check_refusal(&err);
    else
        HOLDS(pieces.in.left == 0 && sum.records == records.count);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    size_t most = 1 + take_byte(&in);
    struct sum whole = read_all(in, SU_MIB), cut = read_all(in, most);
    HOLDS(whole.result == cut.result && whole.records == cut.records && whole.bytes == cut.bytes);
    return 0;
}
