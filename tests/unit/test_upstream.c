/* An upstream server played in the process: what the session and the fetching do about what it says. */
#include "catalogue_helpers.h"

#include "common/source/upstream/upstream_fetch.h"
#include "common/source/upstream/upstream_list.h"
#include "common/source/upstream/upstream_replica.h"

#define ENV_BEGIN "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>"
#define ENV_END "</soap:Body></soap:Envelope>"

/* What the server does. */
struct play {
    const char *service_url;
    unsigned calls[8];                /* as operations */
    unsigned busy, bad_cookies, lost; /* how often before it goes well; of GetUpdateData */
    unsigned bad_id;                  /* an update that gives InternalServerError for the whole batch */
    bool is_stranger, is_cut;
    unsigned languages;
    unsigned most; /* updates per request; 0: 20 */
    size_t anchor_bytes;
    size_t declined; /* updates; of GetDeployments */
    size_t document_bytes[3]; /* of updates 1 and 2; 0: a few hundred */
    size_t answer_bytes; /* blanks make the answers from GetRevisionIdList on as long; 0: as they are */
};

static const char *const operations[] = {"GetAuthConfig", "GetAuthorizationCookie", "GetCookie",
                                         "GetConfigData", "GetRevisionIdList",      "GetUpdateData",
                                         "GetDeployments", "GetRelatedRevisionsForUpdates"};

static void fault(struct su_buf *out, const char *code)
{
    su_buf_addf(out,
                ENV_BEGIN "<soap:Fault><faultcode>soap:Server</faultcode><faultstring>no</"
                          "faultstring><detail><ErrorCode>%s</ErrorCode>"
                          "<Message>m</Message><ID>i</ID></detail></soap:Fault>" ENV_END,
                code);
}

static void begin(struct su_buf *out, const char *operation, const char *uri)
{
    su_buf_addf(out, ENV_BEGIN "<%sResponse xmlns=\"%s\"><%sResult>", operation, uri, operation);
}

static void end(struct su_buf *out, const char *operation)
{
    su_buf_addf(out, "</%sResult></%sResponse>" ENV_END, operation, operation);
}

static void add_update(const struct play *p, struct su_buf *out, unsigned id)
{
    static const char last[] = "</upd:Update>";
    SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(32 * SU_MIB), wrapped = SU_BUF_INIT(32 * SU_MIB);
    write_doc(&xml, &(struct doc){.id = id, .revision = 1, .title = "T"});
    size_t length = id <= 2 ? p->document_bytes[id] : 0;
    if (length > xml.length) { /* blanks before its end */
        size_t more = length - xml.length;
        char *at = su_buf_reserve(&xml, more);
        assert_non_null(at);
        memset(at - strlen(last), ' ', more);
        memcpy(at - strlen(last) + more, last, strlen(last));
        su_buf_grow_by(&xml, more);
    }
    su_soap_element(&wrapped, "XmlUpdateBlob", xml.bytes);
    su_buf_addf(out,
                "<ServerSyncUpdateData><Id><UpdateID>%s</UpdateID><RevisionNumber>1</RevisionNumber></Id>%s</"
                "ServerSyncUpdateData>",
                guid_text(id), wrapped.bytes);
}

static void give_updates(struct play *p, const char *body, struct su_buf *out)
{
    if (p->bad_id && strstr(body, guid_text(p->bad_id))) {
        fault(out, "InternalServerError");
        return;
    }
    begin(out, "GetUpdateData", SU_SYNC_URI);
    su_buf_adds(out, "<updates>");
    for (unsigned id = 1; id <= 60; id++)
        if (strstr(body, guid_text(id)))
            add_update(p, out, id);
    if (p->is_stranger)
        add_update(p, out, 99);
    su_buf_adds(out, "</updates><fileUrls />");
    end(out, "GetUpdateData");
    if (p->is_cut)
        out->length -= 40;
}

/* Too long for one piece, as real answers are. */
static int give_deployments(const struct play *p, su_http_sink *sink, void *sink_context, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(SU_MIB);
    const char *guid = guid_text(1);
    begin(&out, "GetDeployments", SU_SYNC_URI);
    su_buf_adds(&out, "<Anchor>a</Anchor><HiddenUpdates>");
    for (size_t i = 0; i < p->declined; i++) {
        su_buf_adds(&out, "<guid>");
        su_buf_adds(&out, guid);
        su_buf_adds(&out, "</guid>");
        if (out.length > SU_MIB / 2) {
            if (sink(sink_context, out.bytes, out.length, err) < 0)
                return -1;
            su_buf_clear(&out);
        }
    }
    su_buf_adds(&out, "</HiddenUpdates>");
    end(&out, "GetDeployments");
    return sink(sink_context, out.bytes, out.length, err);
}

/* Blanks before the answer proper, so that all is as long as it shall be; of a very long one they are one piece. */
static int fill_up(const struct play *p, size_t length, su_http_sink *sink, void *sink_context, struct su_err *err)
{
    bool is_long = p->answer_bytes > 2 * SU_MAX_DATA_ANSWER_BYTES;
    size_t most = is_long ? p->answer_bytes : SU_MIB;
    size_t left = is_long ? most : p->answer_bytes > length ? p->answer_bytes - length : 0;
    char *at = calloc(1, most);
    int result = 0;
    assert_non_null(at);
    if (!is_long)
        memset(at, ' ', most);
    while (left > 0 && result == 0) {
        size_t piece = left < most ? left : most;
        result = sink(sink_context, at, piece, err);
        left -= piece;
    }
    free(at);
    return result;
}

static int post(void *context, const char *url, const struct su_http_post *request, su_http_sink *sink,
                void *sink_context, long *status, struct su_err *err)
{
    struct play *p = context;
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(64 * SU_MIB);
    const char *operation = strrchr(request->soap_action, '/') + 1;
    size_t n = 0;
    while (strcmp(operations[n], operation) != 0)
        n++;
    p->calls[n]++;
    *status = 200;
    assert_true(strncmp(url, "http://server:8530/", 19) == 0); /* never anywhere else */
    if (n == 6)
        return give_deployments(p, sink, sink_context, err);
    begin(&out, operation, n == 1 ? SU_AUTH_URI : SU_SYNC_URI);
    switch (n) {
    case 0:
        su_buf_addf(&out,
                    "<AuthInfo><AuthPlugInInfo><PlugInID>DssTargeting</PlugInID><ServiceUrl>%s</ServiceUrl></"
                    "AuthPlugInInfo></AuthInfo>",
                    p->service_url ? p->service_url : "D/D.asmx");
        break;
    case 1: su_buf_adds(&out, "<PlugInId>DssTargeting</PlugInId><CookieData>AAAA</CookieData>"); break;
    case 2:
        su_buf_adds(
            &out, "<Expiration>2099-03-01T16:00:00.0000000Z</Expiration><EncryptedData>AAAA</EncryptedData>");
        break;
    case 3:
        su_buf_addf(&out,
                    "<MaxNumberOfUpdatesPerRequest>%u</MaxNumberOfUpdatesPerRequest><ProtocolVersion>1.20</"
                    "ProtocolVersion><LanguageUpdateList>",
                    p->most ? p->most : 20);
        for (unsigned i = 0; i < p->languages; i++)
            su_buf_addf(&out,
                        "<ServerSyncLanguageData><LanguageID>%u</LanguageID><ShortLanguage>x</"
                        "ShortLanguage><LongLanguage>X</LongLanguage><Enabled>true</Enabled></"
                        "ServerSyncLanguageData>",
                        i);
        su_buf_adds(&out, "</LanguageUpdateList>");
        break;
    case 4:
        su_buf_adds(&out, "<Anchor>");
        for (size_t i = 0; i < (p->anchor_bytes ? p->anchor_bytes : 3); i++)
            su_buf_adds(&out, "a");
        su_buf_adds(&out, "</Anchor><NewRevisions /> ");
        break;
    default: break;
    }
    end(&out, operation);
    if (n == 5) {
        su_buf_clear(&out);
        if (p->lost > 0) {
            p->lost--;
            return su_fail(err, SU_NETWORK, "connection lost");
        }
        if (p->bad_cookies > 0 || p->busy > 0) {
            fault(&out, p->bad_cookies > 0 ? "InvalidCookie" : "ServerBusy");
            *(p->bad_cookies > 0 ? &p->bad_cookies : &p->busy) -= 1;
        } else {
            give_updates(p, request->body, &out);
        }
        *status = strstr(out.bytes, "soap:Fault") ? 500 : 200;
    }
    GOOD(su_buf_check(&out, "answer", &e));
    if (n >= 4 && fill_up(p, out.length, sink, sink_context, err) < 0)
        return -1;
    return sink(sink_context, out.bytes, out.length, err);
}

static const struct su_events silent = {.emit = NULL};

static struct su_session session_with(struct play *p)
{
    return (struct su_session){.carrier = {post, p},
                               .events = &silent,
                               .root = "http://server:8530",
                               .account_name = "hub",
                               .account_id = "11111111-2222-4333-8444-555555555555"};
}

static int opens(struct play *p)
{
    SU_AUTO(su_session) struct su_session s = session_with(p);
    return su_session_open(&s, &e);
}

/* The account goes to the server that was named and nowhere else. */
static void test_service_url(void **state)
{
    (void)state;
    static const char *const good[] = {"D/D.asmx", "/D/D.asmx", "http://server:8530/D/D.asmx"};
    static const char *const bad[] = {"http://other/D.asmx",
                                      "https://server:8530/D.asmx",
                                      "//other/D.asmx",
                                      "http://server:85301/D",
                                      "../D.asmx",
                                      "D?x=1",
                                      "D#x",
                                      "D@other/",
                                      "/",
                                      "D D"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        GOOD(opens(&(struct play){.service_url = good[i]}));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct play p = {.service_url = bad[i]};
        REFUSED(opens(&p), SU_DATA);
        assert_int_equal(p.calls[1], 0);
    }
}

static void test_cookie_use(void **state)
{
    (void)state;
    const int64_t now = 1772380800; /* 2026-03-01T16:00:00Z */
    assert_true(su_cookie_use("2026-03-01T20:00:00.0000000Z", now) == 4 * 3600 - 1800);
    assert_true(su_cookie_use("2026-03-01T16:30:01Z", now) == 1);
    assert_true(su_cookie_use("2026-03-01T16:20:00Z", now) == 600);
    assert_true(su_cookie_use("2026-03-01T15:00:00Z", now) > 1e6); /* our clock, or theirs */
    assert_true(su_cookie_use("nonsense", now) > 1e6);
}

static void test_languages_limit(void **state)
{
    (void)state;
    GOOD(opens(&(struct play){.languages = SU_MAX_UPSTREAM_LANGUAGES}));
    REFUSED(opens(&(struct play){.languages = SU_MAX_UPSTREAM_LANGUAGES + 1}), SU_LIMIT);
}

static int lists(struct fixture *f, size_t anchor_bytes)
{
    struct play p = {.anchor_bytes = anchor_bytes};
    SU_AUTO(su_session) struct su_session s = session_with(&p);
    SU_AUTO(su_identities) struct su_identities out = {0};
    struct su_server server = {.id = 1};
    char anchor[SU_ANCHOR_BYTES];
    GOOD(su_session_open(&s, &e));
    return su_upstream_list(&s, f->home.db, &server, SU_PHASE_CATEGORIES, false, &out, anchor, &e);
}

static void test_anchor_limit(void **state)
{
    GOOD(lists(*state, SU_ANCHOR_BYTES - 1));
    REFUSED(lists(*state, SU_ANCHOR_BYTES), SU_LIMIT);
    REFUSED(lists(*state, SU_MAX_UPSTREAM_TEXT_BYTES + 1), SU_LIMIT);
}

static int lists_of(struct fixture *f, size_t answer_bytes)
{
    struct play p = {.answer_bytes = answer_bytes};
    SU_AUTO(su_session) struct su_session s = session_with(&p);
    SU_AUTO(su_identities) struct su_identities out = {0};
    struct su_server server = {.id = 1};
    char anchor[SU_ANCHOR_BYTES];
    GOOD(su_session_open(&s, &e));
    return su_upstream_list(&s, f->home.db, &server, SU_PHASE_CATEGORIES, false, &out, anchor, &e);
}

static int relates(size_t answer_bytes)
{
    struct play p = {.answer_bytes = answer_bytes};
    SU_AUTO(su_session) struct su_session s = session_with(&p);
    SU_AUTO(su_identities) struct su_identities out = {0};
    const struct su_guid id = guid_of(1);
    GOOD(su_session_open(&s, &e));
    return su_upstream_related(&s, &id, 1, &out, &e);
}

/* Whole answers, of nothing but blanks for the most part. */
static void test_answer_limits(void **state)
{
    GOOD(relates(SU_MAX_DATA_ANSWER_BYTES));
    REFUSED(relates(SU_MAX_DATA_ANSWER_BYTES + 1), SU_LIMIT);
    NAMES("larger than 100663296 bytes");
    /* 768 MiB would take long to be read; one piece that is longer is not looked at. */
    REFUSED(lists_of(*state, SU_MAX_LIST_ANSWER_BYTES + 1), SU_LIMIT);
    NAMES("larger than 805306368 bytes");
}

static int declines(size_t count)
{
    struct play p = {.declined = count};
    SU_AUTO(su_session) struct su_session s = session_with(&p);
    SU_AUTO(su_replica) struct su_replica out = {0};
    const struct su_server server = {.id = 1};
    GOOD(su_session_open(&s, &e));
    int result = su_replica_ask(&s, &server, "a", &out, &e);
    assert_true(result < 0 || out.declined.count == count);
    return result;
}

static void test_replica_limit(void **state)
{
    (void)state;
    GOOD(declines(SU_MAX_REPLICA_ROWS));
    REFUSED(declines(SU_MAX_REPLICA_ROWS + 1), SU_LIMIT);
}

/* Needs updates the server does not have. */
static int misses(struct fixture *f, size_t count, uint64_t *missing)
{
    struct su_db *db = f->home.db;
    struct play p = {.most = 1}; /* no smaller batches */
    struct su_server server;
    SU_AUTO(su_session) struct su_session s = session_with(&p);
    SU_AUTO(su_identities) struct su_identities ids = {0};
    struct su_pending pending;
    struct su_fetching fetching = {.session = &s, .pending = &pending, .events = &silent};
    uint64_t added;
    su_transaction_cleanup(&f->t);
    GOOD(su_server_make(&server, "http://server:8530", "HUB", &e));
    GOOD(su_server_put(db, &server, &e));
    GOOD(su_server_get(db, NULL, &server, &e));
    for (size_t i = 0; i < count; i++)
        *SU_PUSH(&ids.list, count) = (struct su_identity){guid_of((unsigned)(1000 + i)), 1};
    GOOD(su_session_open(&s, &e));
    GOOD(su_pending_open(&pending, db, server.id, false, &e));
    GOOD(su_pending_need(&pending, &ids, &added, &e));
    assert_int_equal(added, count);
    int result = su_upstream_fetch(&fetching, SU_PHASE_NEEDED, "needed", &e);
    *missing = fetching.missing;
    return result;
}

static void test_missing_limit(void **state)
{
    uint64_t missing;
    GOOD(misses(*state, SU_MAX_UPSTREAM_MISSING, &missing));
    assert_int_equal(missing, SU_MAX_UPSTREAM_MISSING);
}
static void test_missing_past_the_limit(void **state)
{
    uint64_t missing;
    REFUSED(misses(*state, SU_MAX_UPSTREAM_MISSING + 1, &missing), SU_LIMIT);
    assert_int_equal(missing, 0);
}

/* Lists updates 1 to 60 and fetches them; *got of them came. */
static int fetches(struct fixture *f, struct play *p, uint64_t *got, uint64_t *missing)
{
    struct su_db *db = f->home.db;
    struct su_server server;
    SU_AUTO(su_session) struct su_session s = session_with(p);
    SU_AUTO(su_identities) struct su_identities ids = {0};
    struct su_pending pending;
    struct su_fetching fetching = {.session = &s, .pending = &pending, .events = &silent};
    su_transaction_cleanup(&f->t);
    GOOD(su_server_make(&server, "http://server:8530", "HUB", &e));
    GOOD(su_server_put(db, &server, &e));
    GOOD(su_server_get(db, NULL, &server, &e));
    for (unsigned id = 1; id <= 60; id++)
        *SU_PUSH(&ids.list, 60) = (struct su_identity){guid_of(id), 1};
    GOOD(su_session_open(&s, &e));
    GOOD(su_pending_open(&pending, db, server.id, false, &e));
    GOOD(su_pending_list(&pending, SU_PHASE_UPDATES, &ids, "anchor", &e));
    int result = su_upstream_fetch(&fetching, SU_PHASE_UPDATES, "updates", &e);
    struct su_err ignored;
    assert_int_equal(su_pending_count(&pending, SU_PHASE_UPDATES, SU_PENDING_FETCHED, got, &ignored), 0);
    assert_int_equal(su_pending_count(&pending, SU_PHASE_UPDATES, SU_PENDING_MISSING, missing, &ignored), 0);
    return result;
}

static void comes(struct fixture *f, struct play p, uint64_t wanted, uint64_t lost)
{
    uint64_t got, missing;
    GOOD(fetches(f, &p, &got, &missing));
    assert_int_equal(got, wanted);
    assert_int_equal(missing, lost);
}

static void test_fetches(void **state)
{
    comes(*state, (struct play){0}, 60, 0);
}
/* Documents that fit into one answer are taken at once; what is past that is asked for again. */
static void fit(struct fixture *f, size_t past, unsigned calls)
{
    const struct su_record first = {.id = guid_of(1), .revision = 1, .origin = SU_FROM_SYNC, .document_bytes = 9 * SU_MIB};
    struct play p = {.most = 2,
                     .document_bytes = {0, first.document_bytes,
                                        SU_MAX_ANSWER_DOCUMENT_BYTES - su_record_bytes(&first) + past}};
    uint64_t got, missing;
    GOOD(fetches(f, &p, &got, &missing));
    assert_int_equal(got, 60);
    assert_int_equal(p.calls[5], calls);
}
static void test_documents_of_an_answer(void **state)
{
    fit(*state, 0, 30);
}
static void test_documents_past_an_answer(void **state)
{
    fit(*state, 1, 31);
}
static void test_one_bad_update(void **state)
{
    comes(*state, (struct play){.bad_id = 37}, 59, 1);
}
static void test_passing_faults(void **state)
{
    comes(*state, (struct play){.busy = 4}, 60, 0);
}
static void test_new_cookie(void **state)
{
    struct play p = {.bad_cookies = 2};
    uint64_t got, missing;
    GOOD(fetches(*state, &p, &got, &missing));
    assert_int_equal(got, 60);
    assert_int_equal(p.calls[2], 3);
}

/* What lasts ends the run, after so many tries and no more; nothing is blamed on updates. */
static void ends(struct fixture *f, struct play p, enum su_code code, unsigned calls)
{
    uint64_t got, missing;
    su_err_clear(&e);
    assert_int_equal(fetches(f, &p, &got, &missing), -1);
    assert_int_equal(e.code, code);
    assert_int_equal(got, 0);
    assert_int_equal(missing, 0);
    if (calls)
        assert_int_equal(p.calls[5], calls);
}
static void test_busy_for_ever(void **state)
{
    ends(*state, (struct play){.busy = 1000}, SU_UPSTREAM_FAULT, SU_SESSION_RETRIES);
}
static void test_cookies_never_accepted(void **state)
{
    ends(*state, (struct play){.bad_cookies = 1000}, SU_UPSTREAM_FAULT, 3);
}
static void test_lost_for_ever(void **state)
{
    ends(*state, (struct play){.lost = 1000}, SU_NETWORK, SU_SESSION_RETRIES);
}
static void test_strangers(void **state)
{
    ends(*state, (struct play){.is_stranger = true}, SU_DATA, 0);
    NAMES("not asked for");
}
static void test_cut_for_ever(void **state)
{
    ends(*state, (struct play){.is_cut = true}, SU_DATA, 0);
}

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *given, *kept;
    } good[] = {{"http://Server:8530", "http://server:8530"},
                {"HTTPS://wsus.example.test/", "https://wsus.example.test"},
                {"http://[::1]:8530/", "http://[::1]:8530"}};
    static const char *const bad[] = {"http://a/b", "http://u:p@a", "ftp://a",    "http://",
                                      "a",          "http://a?x",   "http://a#x", "http://a:"};
    char out[SU_SERVER_URL_BYTES];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        GOOD(su_server_address(good[i].given, out, &e));
        assert_string_equal(out, good[i].kept);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (su_server_address(bad[i], out, &e) == 0)
            fail_msg("taken: %s", bad[i]);
}

#define IN_A_HUB(test) cmocka_unit_test_setup_teardown(test, make_fixture, drop_fixture)
int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_service_url),
                                       cmocka_unit_test(test_cookie_use),
                                       cmocka_unit_test(test_languages_limit),
                                       cmocka_unit_test(test_addresses),
                                       cmocka_unit_test(test_replica_limit),
                                       IN_A_HUB(test_missing_limit),
                                       IN_A_HUB(test_missing_past_the_limit),
                                       IN_A_HUB(test_anchor_limit),
                                       IN_A_HUB(test_answer_limits),
                                       IN_A_HUB(test_fetches),
                                       IN_A_HUB(test_documents_of_an_answer),
                                       IN_A_HUB(test_documents_past_an_answer),
                                       IN_A_HUB(test_one_bad_update),
                                       IN_A_HUB(test_passing_faults),
                                       IN_A_HUB(test_new_cookie),
                                       IN_A_HUB(test_busy_for_ever),
                                       IN_A_HUB(test_cookies_never_accepted),
                                       IN_A_HUB(test_lost_for_ever),
                                       IN_A_HUB(test_strangers),
                                       IN_A_HUB(test_cut_for_ever)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
