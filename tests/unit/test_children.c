/* What confined children say is believed no further than it can be true: children that lie, and some that die. */
#include "helpers.h"

#include <signal.h>

#include "common/catalogue/update_child.h"
#include "common/catalogue/update_code.h"
#include "common/source/upstream/soap_child.h"
#include "common/source/vendor/vendor_signer.h"
#include "common/trust/claims.h"
#include "common/trust/verdict.h"

#define A1 "11111111-1111-4111-8111-111111111111"
static const char document[] = "<upd:Update xmlns:upd=\"" UPD_URI "\"><upd:UpdateIdentity UpdateID=\"" A1 "\" RevisionNumber=\"7\" />"
                               "<upd:Properties UpdateType=\"Category\" /></upd:Update>";

/* ---- documents ---- */

static int parse_by(struct su_update_child *child, const char *text)
{
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    int result = su_update_child_parse(child, &u, text, strlen(text), &e);
    if (result == 0)
        assert_int_equal(u.revision, 7);
    return result;
}

/* As in process, the refusals too; one bad document does not hurt the next. */
static void test_documents(void **state)
{
    struct su_update u[3] = {SU_UPDATE_INIT, SU_UPDATE_INIT, SU_UPDATE_INIT};
    struct su_update_wish wishes[3] = {{document, sizeof document - 1, &u[0], false},
                                       {"<other/>", 8, &u[1], false},
                                       {document, sizeof document - 1, &u[2], false}};
    SU_AUTO(su_update_child) struct su_update_child *child = su_update_child_start(&e);
    (void)state;
    assert_non_null(child);
    GOOD(parse_by(child, document));
    REFUSED(parse_by(child, "<other/>"), SU_DATA);
    NAMES("the root element is other, not an Update");
    REFUSED(parse_by(child, ""), SU_DATA);
    GOOD(parse_by(child, document));
    su_update_child_ahead(child, wishes, 3);
    assert_true(wishes[0].is_done && !wishes[1].is_done && wishes[2].is_done);
    assert_int_equal(u[2].revision, 7);
    for (size_t i = 0; i < 3; i++)
        su_update_cleanup(&u[i]);
}

/* Answers each question with what the lie is. */
static int (*lie_about)(struct su_wire *wire, struct su_buf *coded, struct su_err *err);
static int answer_with_lies(void *context, struct su_wire *wire, struct su_err *err)
{
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    SU_AUTO(su_buf) struct su_buf coded = SU_BUF_INIT(SU_MIB);
    uint32_t kind;
    int more;
    (void)context;
    if (su_update_take_apart(&u, document, sizeof document - 1, err) < 0 || su_update_encode(&u, &coded, err) < 0)
        return -1;
    while ((more = su_wire_next(wire, &kind, err)) > 0)
        if (lie_about(wire, &coded, err) < 0 || su_wire_flush(wire, err) < 0)
            return -1;
    return more;
}

static int send_coded(struct su_wire *wire, uint32_t kind, const struct su_buf *coded, struct su_err *err)
{
    su_wire_begin(wire, kind);
    su_put_bytes(wire, coded->bytes, coded->length);
    return su_wire_end(wire, err);
}

static int tell_other_kind(struct su_wire *wire, struct su_buf *coded, struct su_err *err)
{
    return send_coded(wire, SU_UPDATE_DOCUMENT, coded, err);
}

static int tell_unknown_kind(struct su_wire *wire, struct su_buf *coded, struct su_err *err)
{
    return send_coded(wire, 4711, coded, err);
}

static int tell_own_kind(struct su_wire *wire, struct su_buf *coded, struct su_err *err)
{
    return send_coded(wire, 3, coded, err); /* of confine.c itself */
}

static int tell_bad_count(struct su_wire *wire, struct su_buf *coded, struct su_err *err)
{
    memset(coded->bytes + 40, 0x7f, 4);
    return send_coded(wire, SU_UPDATE_TAKEN_APART, coded, err);
}

static int tell_bad_type(struct su_wire *wire, struct su_buf *coded, struct su_err *err)
{
    coded->bytes[21] = 9;
    return send_coded(wire, SU_UPDATE_TAKEN_APART, coded, err);
}

static int tell_too_little(struct su_wire *wire, struct su_buf *coded, struct su_err *err)
{
    coded->length--;
    return send_coded(wire, SU_UPDATE_TAKEN_APART, coded, err);
}

static int tell_error_that_is_none(struct su_wire *wire, struct su_buf *coded, struct su_err *err)
{
    (void)coded;
    su_wire_begin(wire, SU_UPDATE_REFUSED);
    su_put_u32(wire, SU_CODE_COUNT);
    su_put_text(wire, "x");
    su_put_text(wire, "");
    return su_wire_end(wire, err);
}

static int tell_of_success_as_error(struct su_wire *wire, struct su_buf *coded, struct su_err *err)
{
    (void)coded;
    su_wire_begin(wire, SU_UPDATE_REFUSED);
    su_put_u32(wire, SU_SYNC_DONE);
    su_put_text(wire, "all is well");
    su_put_text(wire, "");
    return su_wire_end(wire, err);
}

static int tell_nothing_and_end(struct su_wire *wire, struct su_buf *coded, struct su_err *err)
{
    (void)wire, (void)coded, (void)err;
    _exit(0);
}

static int be_killed(struct su_wire *wire, struct su_buf *coded, struct su_err *err)
{
    (void)coded;
    su_wire_begin(wire, SU_UPDATE_TAKEN_APART);
    su_put_u32(wire, 77);
    (void)!su_wire_end(wire, err);
    (void)!su_channel_write(&wire->channel, wire->sending.bytes, 6); /* half of its head */
    abort();
}

/* Each is refused, and so is every question after it. */
static void test_documents_and_lies(void **state)
{
    int (*const lies[])(struct su_wire *, struct su_buf *, struct su_err *) = {
        tell_other_kind, tell_unknown_kind,       tell_own_kind,            tell_bad_count,       tell_bad_type,
        tell_too_little, tell_error_that_is_none, tell_of_success_as_error, tell_nothing_and_end, be_killed};
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct su_update u = SU_UPDATE_INIT;
        struct su_update_wish wish = {document, sizeof document - 1, &u, false};
        lie_about = lies[i];
        SU_AUTO(su_update_child) struct su_update_child *child = su_update_child_start_as(answer_with_lies, &e);
        assert_non_null(child);
        su_update_child_ahead(child, &wish, 1);
        assert_false(wish.is_done);
        REFUSED(parse_by(child, document), SU_CONFINED);
        REFUSED(parse_by(child, document), SU_CONFINED);
        su_update_cleanup(&u);
    }
}

static int unwrap_nothing(const char *wrapped, size_t length, struct su_buf *spare, struct su_buf *out, struct su_err *err)
{
    (void)spare;
    su_buf_clear(out);
    su_buf_add(out, wrapped + 1, length - 1);
    return wrapped[0] == 'x' ? su_buf_check(out, "it", err) : su_fail(err, SU_DATA, "not wrapped");
}

static void test_unwrapping(void **state)
{
    SU_AUTO(su_update_child) struct su_update_child *child = su_update_child_start_unwrapping(unwrap_nothing, &e);
    SU_AUTO(su_buf) struct su_buf wrapped = SU_BUF_INIT(SU_MIB), out = SU_BUF_INIT(SU_MIB);
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    (void)state;
    assert_non_null(child);
    su_buf_adds(&wrapped, "x");
    su_buf_adds(&wrapped, document);
    GOOD(su_update_child_unwrap(child, wrapped.bytes, wrapped.length, &out, &u, &e));
    assert_string_equal(out.bytes, document);
    assert_int_equal(u.revision, 7);
    REFUSED(su_update_child_unwrap(child, "y", 1, &out, &u, &e), SU_DATA);
    NAMES("not wrapped");
    REFUSED(su_update_child_unwrap(child, "x<other/>", 9, &out, &u, &e), SU_DATA); /* unwrapped, but no update */
    GOOD(su_update_child_unwrap(child, wrapped.bytes, wrapped.length, &out, &u, &e));
}

static int unwrap_to_rest(struct su_wire *wire, struct su_buf *coded, struct su_err *err)
{
    su_wire_begin(wire, SU_UPDATE_DOCUMENT);
    su_put_bytes(wire, document, sizeof document - 1);
    su_put_u32(wire, 1);
    return su_wire_end(wire, err) < 0 ? -1 : send_coded(wire, SU_UPDATE_TAKEN_APART, coded, err);
}

static int unwrap_to_no_text(struct su_wire *wire, struct su_buf *coded, struct su_err *err)
{
    su_wire_begin(wire, SU_UPDATE_DOCUMENT);
    su_put_bytes(wire, "<a>\xff</a>", 8);
    return su_wire_end(wire, err) < 0 ? -1 : send_coded(wire, SU_UPDATE_TAKEN_APART, coded, err);
}

static void test_unwrapping_and_lies(void **state)
{
    int (*const lies[])(struct su_wire *, struct su_buf *, struct su_err *) = {unwrap_to_rest, unwrap_to_no_text, tell_too_little,
                                                                               be_killed};
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(SU_MIB);
        SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
        lie_about = lies[i];
        SU_AUTO(su_update_child) struct su_update_child *child = su_update_child_start_as(answer_with_lies, &e);
        assert_non_null(child);
        REFUSED(su_update_child_unwrap(child, "x", 1, &out, &u, &e), SU_CONFINED);
        REFUSED(su_update_child_unwrap(child, "x", 1, &out, &u, &e), SU_CONFINED);
    }
}

/* ---- answers ---- */

static int count_elements(void *context, const char *name, const char *parent, struct su_buf *text, struct su_err *err)
{
    (void)name, (void)parent;
    if (strcmp(text->bytes, "no") == 0)
        return su_fail(err, SU_DATA, "an element is refused");
    ++*(size_t *)context;
    return 0;
}
static const struct su_soap_form form = {.operation = "X", .uri = SU_SYNC_URI, .most_text = 64, .end = count_elements};

#define ANSWER(inner) \
    "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><XResponse xmlns=\"" SU_SYNC_URI "\">" inner \
    "</XResponse></s:Body></s:Envelope>"

static int ask(struct su_soap_child *child, const char *answer, size_t *elements, struct su_soap_fault *fault)
{
    *elements = 0;
    if (su_soap_child_begin(child, &form, elements, &e) < 0)
        return -1;
    for (size_t at = 0, length = strlen(answer); at < length; at += 10)
        if (su_soap_child_feed(child, answer + at, length - at < 10 ? length - at : 10, &e) < 0)
            return -1;
    return su_soap_child_finish(child, fault, &e);
}

static void test_answers(void **state)
{
    SU_AUTO(su_soap_child) struct su_soap_child *child = su_soap_child_start(&e);
    struct su_soap_fault fault;
    size_t elements;
    (void)state;
    assert_non_null(child);
    GOOD(ask(child, ANSWER("<a><b>1</b><c/></a>"), &elements, &fault));
    assert_int_equal(elements, 3);
    assert_int_equal(fault.kind, SU_FAULT_NONE);
    REFUSED(ask(child, ANSWER("<a>no</a><b/>"), &elements, &fault), SU_DATA);
    NAMES("an element is refused");
    REFUSED(ask(child, "<html/>", &elements, &fault), SU_DATA);
    REFUSED(ask(child, "", &elements, &fault), SU_DATA);
    GOOD(ask(child,
             "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault><detail><ErrorCode>ServerBusy"
             "</ErrorCode></detail></s:Fault></s:Body></s:Envelope>",
             &elements, &fault));
    assert_int_equal(fault.kind, SU_FAULT_BUSY);
    GOOD(ask(child, ANSWER("<a/>"), &elements, &fault));
    assert_int_equal(elements, 1);
}

static uint32_t lie;
enum { LONG_NAME, LONG_TEXT, MORE_THAN_CAME, MANY, NO_UTF8, PIECES_WITHOUT_END, WRONG_END, NUL_IN_NAME, TWO_FAULTS, LIES };

static void put_element(struct su_wire *wire, const char *name, const char *text)
{
    su_wire_begin(wire, SU_SOAP_ELEMENT);
    su_put_text(wire, name);
    su_put_text(wire, "parent");
    su_put_bytes(wire, text, strlen(text));
}

static int lie_once(struct su_wire *wire, struct su_err *err)
{
    static const char much[] = "0123456789012345678901234567890123456789012345678901234567890123456789";
    switch (lie) {
    case LONG_NAME: put_element(wire, much, ""); break;
    case LONG_TEXT: put_element(wire, "a", much); break;
    case MORE_THAN_CAME: put_element(wire, "a", "01234567890"); break; /* of 10 bytes */
    case NO_UTF8: put_element(wire, "a", "\xff"); break;
    case WRONG_END: su_wire_begin(wire, SU_SOAP_FAULT); break;
    case NUL_IN_NAME:
        su_wire_begin(wire, SU_SOAP_ELEMENT);
        su_put_bytes(wire, "a\0b", 3);
        su_put_text(wire, "parent");
        su_put_text(wire, "");
        break;
    case TWO_FAULTS: su_wire_begin(wire, SU_SOAP_READ), su_put_u32(wire, 2); break;
    default:
        for (unsigned i = 0; i < 100; i++) {
            if (lie == MANY) {
                put_element(wire, "a", "");
            } else {
                su_wire_begin(wire, SU_SOAP_PIECE);
                su_put_bytes(wire, "xx", 2);
            }
            if (i < 99 && su_wire_end(wire, err) < 0)
                return -1;
        }
    }
    return su_wire_end(wire, err) < 0 ? -1 : su_wire_flush(wire, err);
}

static int read_with_lies(void *context, struct su_wire *wire, struct su_err *err)
{
    uint32_t kind;
    int more;
    (void)context;
    while ((more = su_wire_next(wire, &kind, err)) > 0)
        if (kind != SU_SOAP_BEGIN && lie_once(wire, err) < 0)
            return -1;
    return more;
}

static void test_answers_and_lies(void **state)
{
    struct su_soap_fault fault;
    size_t elements;
    (void)state;
    for (lie = 0; lie < LIES; lie++) {
        SU_AUTO(su_soap_child) struct su_soap_child *child = su_soap_child_start_as(read_with_lies, &e);
        assert_non_null(child);
        REFUSED(ask(child, ANSWER("<a/>"), &elements, &fault), SU_CONFINED);
        assert_true(elements <= 10);
        REFUSED(ask(child, ANSWER("<a/>"), &elements, &fault), SU_CONFINED);
    }
}

/* ---- verdicts ---- */

/* Frames as the other side gets them. */
struct pair {
    struct su_wire from, to;
};

static void open_pair(struct pair *p)
{
    GOOD(su_wire_pair(&p->from, &p->to, &e));
}

static void carry(struct pair *p)
{
    uint32_t kind;
    GOOD(su_wire_end(&p->from, &e));
    GOOD(su_wire_flush(&p->from, &e));
    assert_int_equal(su_wire_next(&p->to, &kind, &e), 1);
    su_err_clear(&e);
}

static void close_pair(struct pair *p)
{
    su_wire_cleanup(&p->from);
    su_wire_cleanup(&p->to);
}

static int get_verdict(const struct su_verdict *v, const struct su_trust *trust, struct su_verdict *out)
{
    struct pair p;
    open_pair(&p);
    su_verdict_put(&p.from, v);
    carry(&p);
    int result = su_verdict_get(&p.to, out, trust, &e);
    close_pair(&p);
    return result;
}

static int get_signer(const struct su_code_signature *signer, struct su_code_signature *out)
{
    struct pair p;
    open_pair(&p);
    su_code_signature_put(&p.from, signer);
    carry(&p);
    int result = su_code_signature_get(&p.to, out, &e);
    close_pair(&p);
    return result;
}

static void test_signers(void **state)
{
    const struct su_code_signature good = {.is_signed = true, .common_name = "Vendor", .until = "2030-01-02T03:04:05"};
    struct su_code_signature s = good, out;
    (void)state;
    GOOD(get_signer(&s, &out));
    assert_true(out.is_signed);
    assert_string_equal(out.common_name, "Vendor");
    (void)snprintf(s.until, sizeof s.until, "for ever");
    REFUSED(get_signer(&s, &out), SU_CONFINED);
    s = good;
    (void)snprintf(s.common_name, sizeof s.common_name, "\xfe");
    REFUSED(get_signer(&s, &out), SU_CONFINED);
    s = (struct su_code_signature){.is_signed = false, .common_name = "ghost"}; /* unsigned files have no signer */
    GOOD(get_signer(&s, &out));
    assert_string_equal(out.common_name, "");
}

static int get_claims(const struct su_manifest *m, struct su_claims *out)
{
    struct pair p;
    open_pair(&p);
    su_claims_put(&p.from, m);
    carry(&p);
    int result = su_claims_get(&p.to, out, &e);
    close_pair(&p);
    return result;
}

static void refuse_claims(const struct su_manifest *m)
{
    SU_AUTO(su_claims) struct su_claims out = SU_CLAIMS_INIT;
    REFUSED(get_claims(m, &out), SU_CONFINED);
}

static void test_claims(void **state)
{
    struct su_base bases[] = {{.sequence = 3}, {.sequence = 4}};
    struct su_line holes[] = {{(char[]){"a hole"}}};
    struct su_successor keys[] = {{.role = "exporter", .name = "next"}};
    const struct su_manifest good = {.hub = "HUB", .site = "ALPHA", .created = "2026-01-02T03:04:05Z", .sequence = 5, .updates = 7,
                                     .bases = {.at = bases, .count = 2}, .holes = {.at = holes, .count = 1},
                                     .successors = {.at = keys, .count = 1}};
    SU_AUTO(su_claims) struct su_claims out = SU_CLAIMS_INIT;
    struct su_manifest m = good;
    (void)state;
    GOOD(get_claims(&m, &out));
    assert_string_equal(out.head.site, "ALPHA");
    assert_int_equal(out.head.bases.at[1].sequence, 4);
    assert_string_equal(out.head.holes.at[0].text, "a hole");
    assert_string_equal(out.head.successors.at[0].name, "next");
    (void)snprintf(m.site, sizeof m.site, "../ALPHA");
    refuse_claims(&m);
    m = good;
    (void)snprintf(m.hub, sizeof m.hub, "-x");
    refuse_claims(&m);
    m = good;
    m.sequence = 1000000;
    refuse_claims(&m);
    m = good;
    m.urgent = 100000;
    refuse_claims(&m);
    holes[0].text[0] = '\xff';
    refuse_claims(&good);
    holes[0].text[0] = 'a';
    keys[0].name[0] = '/';
    refuse_claims(&good);
}

/* Counts that no message holds, and one that is cut. */
static void test_claims_and_lies(void **state)
{
    const struct su_manifest m = {.hub = "HUB", .site = "ALPHA"};
    (void)state;
    for (size_t cut = 0; cut < 4; cut++) {
        SU_AUTO(su_claims) struct su_claims out = SU_CLAIMS_INIT;
        struct pair p;
        uint32_t many = 1000000;
        open_pair(&p);
        su_claims_put(&p.from, &m);
        if (cut == 0)
            p.from.sending.length--; /* of the last count */
        else
            memcpy(p.from.sending.bytes + p.from.sending.length - 4 * cut, &many, sizeof many);
        carry(&p);
        REFUSED(su_claims_get(&p.to, &out, &e), SU_CONFINED);
        close_pair(&p);
    }
}

static void test_verdicts(void **state)
{
    struct su_trusted pinned[] = {{.is_authority = false, .name = "key"},
                                  {.is_authority = true, .name = "any"},
                                  {.is_authority = true, .name = "one", .subject = "Signer"}};
    const struct su_trust trust = {.keys = {.at = pinned, .count = 3, .capacity = 3}};
    const struct su_verdict good = {.code = SU_OK, .authority = 2, .common_name = "Signer", .until = "2030-01-02T03:04:05"};
    struct su_verdict v = good, out;
    (void)state;
    GOOD(get_verdict(&v, &trust, &out));
    assert_int_equal(out.authority, 2);
    assert_string_equal(out.common_name, "Signer");
    (void)snprintf(v.common_name, sizeof v.common_name, "Other"); /* the authority is pinned for somebody else */
    REFUSED(get_verdict(&v, &trust, &out), SU_CONFINED);
    v.authority = 1;
    GOOD(get_verdict(&v, &trust, &out));
    v.authority = 0; /* a key, not an authority */
    REFUSED(get_verdict(&v, &trust, &out), SU_CONFINED);
    v.authority = 3;
    REFUSED(get_verdict(&v, &trust, &out), SU_CONFINED);
    v = good;
    (void)snprintf(v.until, sizeof v.until, "9999");
    REFUSED(get_verdict(&v, &trust, &out), SU_CONFINED);
    v = good;
    (void)snprintf(v.common_name, sizeof v.common_name, "\xff");
    v.authority = 1;
    REFUSED(get_verdict(&v, &trust, &out), SU_CONFINED);
    v = (struct su_verdict){.code = SU_CERT_WEAK, .reason = "weak \x1b[2J"};
    GOOD(get_verdict(&v, &trust, &out));
    assert_int_equal(out.code, SU_CERT_WEAK);
    assert_null(strchr(out.reason, 0x1b));
    v.code = SU_SYNC_DONE; /* no reason not to count a signature */
    REFUSED(get_verdict(&v, &trust, &out), SU_CONFINED);
    v.code = SU_CODE_COUNT;
    REFUSED(get_verdict(&v, &trust, &out), SU_CONFINED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents),  cmocka_unit_test(test_documents_and_lies), cmocka_unit_test(test_unwrapping),
        cmocka_unit_test(test_answers),    cmocka_unit_test(test_answers_and_lies),   cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_unwrapping_and_lies),
        cmocka_unit_test(test_signers),    cmocka_unit_test(test_claims),             cmocka_unit_test(test_claims_and_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
