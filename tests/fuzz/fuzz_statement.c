/*
 * A site's state file, taken by a hub that has lost its books. The state digest and the signature are put
 * right here (but for inputs that begin with '!'), so that what lies behind them is reached.
 */
#include "tests/fuzz/fuzz.h"

#include "common/catalogue/state.h"
#include "common/receipt/statement.h"

static const char secret_pem[] =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEzNCJso/5baRQDsQpHqDjA6ebM3pvF1zUf7ipmLfp77\n-----END "
    "PRIVATE KEY-----\n";
static struct su_home hub = SU_HOME_INIT;
static struct su_key key = SU_KEY_INIT;

static void begin(void)
{
    struct su_err err = SU_ERR_INIT;
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    su_db_cleanup(&hub.db);
    if (!key.handle)
        HOLDS(su_key_load_private(&key, secret_pem, strlen(secret_pem), &err) == 0);
    HOLDS(su_home_memory(&hub.db, &err) == 0 && su_begin(&t, hub.db, &err) == 0);
    memcpy(site.code, "ALPHA", 6);
    HOLDS(su_key_save_public(&key, &site.public_key, &err) == 0 &&
          su_site_save(hub.db, &site, true, &err) == 0 && su_commit(&t, &err) == 0);
}

/* The digest of the records as they stand, where each line of one is in form. */
static void repair_state(char *text)
{
    SU_AUTO(su_state_builder) struct su_state_builder builder = SU_STATE_BUILDER_INIT;
    struct su_state state;
    struct su_err err = SU_ERR_INIT;
    char *line = strstr(text, "\nstate "), hex[SU_SHA256_TEXT];
    for (const char *at = strstr(text, "\nR "); at; at = strstr(at + 1, "\nR ")) {
        struct su_guid id;
        uint8_t record[SU_SHA256_BYTES];
        const char *field = at + 1, *end = field + strcspn(field, "\n");
        for (int i = 0; i < 4 && field < end; i++)
            field += strcspn(field, " \n") + 1;
        if (end - at < 40 || end - field < 64 || !su_guid_parse(&id, at + 3, 36) ||
            !su_hex_parse(record, sizeof record, field, 64, true) ||
            su_state_add(&builder, &id, record, &err) < 0)
            return;
    }
    if (!line || strlen(line) < 7 + 64 || su_state_end(&builder, &state, &err) < 0)
        return;
    su_hex_format(state.digest, sizeof state.digest, hex);
    memcpy(line + 7, hex, 64);
}

static void sign(struct su_buf *out)
{
    struct su_err err = SU_ERR_INIT;
    uint8_t digest[SU_SHA256_BYTES], signature[SU_SIGNATURE_BYTES];
    char text[SU_STATEMENT_SIGNED_TEXT], base64[89];
    HOLDS(su_sha256(digest, out->bytes ? out->bytes : "", out->length, &err) == 0);
    su_statement_signed_text(digest, text);
    HOLDS(su_sign(&key, text, strlen(text), signature, &err) == 0);
    su_base64_format(signature, sizeof signature, base64);
    su_buf_addf(out, "signature %s\n", base64);
}

static int64_t rows(const char *table)
{
    int64_t count = -1;
    struct su_err err = SU_ERR_INIT;
    HOLDS((table[5] == 's'   ? su_query_int(hub.db, &count, NULL, &err, "SELECT count(*) FROM site_state")
           : table[5] == 'f' ? su_query_int(hub.db, &count, NULL, &err, "SELECT count(*) FROM site_file")
                             : su_query_int(hub.db, &count, NULL, &err,
                                            "SELECT (SELECT count(*) FROM export) + (SELECT count(*) FROM "
                                            "receipt) + (SELECT count(*) FROM ledger)")) == 0);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct su_actor actor = {.operator= "fuzz" };
    bool is_plain = size > 0 && data[0] == '!';
    SU_AUTO(su_buf) struct su_buf file = SU_BUF_INIT(SU_MIB);
    struct su_rebuild_result result;
    struct su_err err = SU_ERR_INIT;
    if (!hub.db)
        begin();
    su_buf_add(&file, data + is_plain, size - is_plain);
    if (!is_plain && file.bytes && !memchr(file.bytes, 0, file.length))
        repair_state(file.bytes);
    if (!is_plain)
        sign(&file);
    if (su_statement_take(&hub, put_file("state", file.bytes, file.length), &actor, &result, &err) < 0) {
        check_refusal(&err);
        HOLDS(rows("site_state") == 0 && rows("site_file") == 0 &&
              rows("books ") == 0); /* nothing was written */
        return 0;
    }
    HOLDS(rows("site_state") == (int64_t)result.revisions && rows("site_file") <= (int64_t)result.files &&
          rows("books ") == 3);
    HOLDS(result.next > result.sequence && result.is_complete && strcmp(result.site, "ALPHA") == 0);
    begin();
    return 0;
}
