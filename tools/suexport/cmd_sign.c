/*
 * cmd_sign.c - adds a signature to a bundle: the reviewer's at the hub, the receiver's at the border. The
 * bundle is proved first; whoever signs something damaged has signed nothing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/bundle/pool.h"
#include "common/bundle/volume_read.h"
#include "common/hub/rotation.h"
#include "common/trust/bundle.h"
#include "common/trust/verdict.h"
#include "tools/cli/look.h"
#include "tools/cli/passphrase.h"
#include "tools/suexport/commands.h"

struct signing {
    struct su_context *c;
    const char *key, *role, *certificate;
    bool is_path;          /* key is a file, not a name of the home */
    struct su_buf key_pem; /* wiped */
    struct su_buf signature;
    struct su_key_file file; /* of an Ed25519 key */
    uint8_t id[SU_SHA256_BYTES];
    char name[16]; /* of the signature file */
    bool is_added, is_there;
};

/* The .pub beside a key says what it is for; a key of the home has one always. */
static int check_role(struct signing *s, struct su_err *err)
{
    SU_AUTO(su_key_file) struct su_key_file public = SU_KEY_FILE_INIT;
    char path[4096];
    size_t n = strlen(s->key);
    if (s->is_path) {
        bool has_suffix = n > 4 && strcmp(s->key + n - 4, ".key") == 0;
        (void)snprintf(path, sizeof path, "%.*s.pub", (int)(has_suffix ? n - 4 : n), s->key);
        if (!su_file_exists(AT_FDCWD, path))
            return 0;
        if (su_keys_read_public(AT_FDCWD, path, &public, err) < 0)
            return -1;
    } else {
        struct su_key_state state;
        if (su_keys_find(&s->c->home, s->key, &public, err) < 0 ||
            su_key_state_of(s->c->home.db, &public, &state, err) < 0)
            return -1;
        if (state.is_revoked)
            return su_fail(err, SU_KEY_REVOKED, "key %s is revoked: it signs no more", s->key);
    }
    if (strcmp(public.role, s->role) == 0)
        return 0;
    (void)su_fail(err, SU_USAGE, "%s is a key of role %s, not %s", s->key, public.role, s->role);
    return su_remedy(err, "Sign with --role %s, or with another key.", public.role);
}

static int read_key(struct signing *s, struct su_err *err)
{
    char path[80];
    if (s->is_path)
        return su_file_read_all(AT_FDCWD, s->key, &s->key_pem, err);
    (void)snprintf(path, sizeof path, "%.64s.key", s->key);
    return su_file_read_all(s->c->home.keys, path, &s->key_pem, err);
}

static void on_bad(void *context, const struct su_bad_block *bad)
{
    char *first = context;
    if (!first[0])
        (void)snprintf(first, 256, "%s", bad->reason);
}

/* Canonical, nothing undeclared, every block of every volume and every pooled file as the manifest says. */
static int prove(const struct signing *s, const struct su_bundle_raw *raw, struct su_manifest *m,
                 struct su_err *err)
{
    char bad[256] = "";
    uint64_t blocks;
    if (su_bundle_unverified_manifest(raw, m, err) < 0 || su_bundle_unverified_check_folder(raw, m, err) < 0)
        return -1;
    SU_AUTO(su_volume_reader) struct su_volume_reader *reader = su_volume_reader_new(raw->dir, m, err);
    if (!reader || su_volume_check_all(reader, on_bad, bad, &s->c->events, &blocks, err) < 0)
        return -1;
    if (bad[0]) {
        (void)su_fail(err, SU_DAMAGED, "%s: %s", raw->path, bad);
        return su_remedy(err, "Do not sign this copy. Take a good one from the hub.");
    }
    for (size_t i = 0; i < m->payloads.count; i++)
        if (m->payloads.at[i].is_pooled && su_pool_prove(raw->dir, &m->payloads.at[i], err) < 0)
            return su_prefix(err, "%s", raw->path);
    return 0;
}

static int sign_plain(struct signing *s, const struct su_bundle_raw *raw, struct su_err *err)
{
    struct su_passphrase passphrase = su_cli_passphrase(s->c);
    uint8_t bytes[SU_SIGNATURE_BYTES];
    if (su_keys_unlock(&s->key_pem, s->key, &passphrase, &s->file.key, err) < 0 ||
        su_sign(&s->file.key, raw->manifest.bytes, raw->manifest.length, bytes, err) < 0)
        return -1;
    memcpy(s->id, s->file.key.id, sizeof s->id);
    su_buf_add(&s->signature, bytes, sizeof bytes);
    return su_buf_check(&s->signature, "a signature", err);
}

static int sign_cms(struct signing *s, const struct su_bundle_raw *raw, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf certificate = SU_BUF_INIT(SU_MAX_PEM_BYTES);
    SU_AUTO(su_cms) struct su_cms made = SU_CMS_INIT;
    struct su_passphrase source = su_cli_passphrase(s->c);
    char passphrase[SU_MAX_PASSPHRASE_BYTES];
    bool is_protected;
    if (su_file_read_all(AT_FDCWD, s->certificate, &certificate, err) < 0 ||
        su_passphrase_for(&source, &s->key_pem, s->key, passphrase, &is_protected, err) < 0)
        return -1;
    int result =
        su_cms_sign(s->key_pem.bytes ? s->key_pem.bytes : "", s->key_pem.length,
                    is_protected ? passphrase : NULL, certificate.bytes ? certificate.bytes : "",
                    certificate.length, raw->manifest.bytes, raw->manifest.length, &s->signature, err);
    su_wipe(passphrase, sizeof passphrase);
    /* Read back as a site will: what is too weak there is refused here. */
    if (result < 0 || su_cms_open(&made, s->signature.bytes, s->signature.length, raw->manifest.bytes,
                                  raw->manifest.length, err) < 0)
        return su_prefix(err, "key %s", s->key);
    memcpy(s->id, made.signer.id, sizeof s->id);
    return 0;
}

/* Whether a file that lies there is this key's signature already. CMS signatures of one key differ. */
static int compare(const struct signing *s, const struct su_bundle_raw *raw,
                   const struct su_signature_file *have, bool *is_same, struct su_err *err)
{
    *is_same = false;
    if (have->is_cms != (s->certificate != NULL))
        return 0;
    if (have->is_cms)
        return su_verdict_is_by(have, &raw->manifest, s->id, is_same, err);
    *is_same = memcmp(have->bytes, s->signature.bytes, SU_SIGNATURE_BYTES) == 0;
    return 0;
}

/* The first eight digits of the key id that no other file bears. */
static int choose_name(struct signing *s, const struct su_bundle_raw *raw, struct su_err *err)
{
    const char *kind = s->certificate ? "P7S" : "SIG";
    for (size_t i = 0; i < raw->signatures.count; i++) {
        if (compare(s, raw, &raw->signatures.at[i], &s->is_there, err) < 0)
            return -1;
        if (s->is_there) {
            (void)snprintf(s->name, sizeof s->name, "%s", raw->signatures.at[i].file);
            return 0;
        }
    }
    if (raw->signatures.count >= SU_MAX_SIGNATURES)
        return su_fail(err, SU_LIMIT, "%s carries %u signatures already", raw->path, SU_MAX_SIGNATURES);
    for (size_t k = 0; k < SU_SHA256_BYTES; k += 4) {
        (void)snprintf(s->name, sizeof s->name, "%02X%02X%02X%02X.%s", s->id[k], s->id[k + 1], s->id[k + 2],
                       s->id[k + 3], kind);
        if (!su_file_exists(raw->dir, s->name))
            return 0;
    }
    return su_fail(err, SU_EXISTS, "every name for a signature by this key is taken in %s", raw->path);
}

/* The signature first: a ledger that says too little is mended by running again, once for each. */
static int record(struct signing *s, const struct su_bundle_raw *raw, const struct su_manifest *m,
                  const char *bundle, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    char detail[160];
    int64_t have;
    struct su_ledger_entry entry = {.actor = &s->c->actor,
                                    .kind = "sign",
                                    .site = m->site,
                                    .detail = detail,
                                    .sequence = m->urgent ? 0 : m->sequence};
    (void)snprintf(detail, sizeof detail, "%s as %s by %.64s", bundle, s->role, s->key);
    if (su_sha256(entry.subject, raw->manifest.bytes, raw->manifest.length, err) < 0 ||
        su_begin(&t, s->c->home.db, err) < 0 ||
        su_query_int(s->c->home.db, &have, NULL, err,
                     "SELECT count(*) FROM ledger WHERE kind='sign' AND subject=?1 AND detail=?2",
                     SU_B(entry.subject, SU_SHA256_BYTES), SU_T(detail)) < 0)
        return -1;
    if (have > 0)
        return 0;
    return su_ledger_add(s->c->home.db, &entry, err) < 0 ? -1 : su_commit(&t, err);
}

static void answer(struct signing *s, const struct su_manifest *m, const char *bundle)
{
    struct su_context *c = s->c;
    char fingerprint[SU_FINGERPRINT_TEXT], state[20];
    su_key_fingerprint(s->id, fingerprint);
    su_short_digest(m->result, state);
    su_json_text(&c->json, "bundle", bundle);
    su_json_text(&c->json, "hub", m->hub);
    su_json_text(&c->json, "site", m->site);
    su_json_int(&c->json, "sequence", (int64_t)m->sequence);
    su_json_text(&c->json, "created", m->created);
    su_json_hex(&c->json, "result_digest", m->result, SU_SHA256_BYTES);
    su_json_text(&c->json, "role", s->role);
    su_json_text(&c->json, "kind", s->certificate ? "cms" : "ed25519");
    su_json_text(&c->json, "fingerprint", fingerprint);
    su_json_text(&c->json, "file", s->name);
    su_json_bool(&c->json, "is_new", !s->is_there);
    su_line(c, "bundle %s  %s, from hub %s for site %s, catalogue of %s", bundle, su_manifest_kind(m), m->hub,
            m->site, m->created);
    su_line(c, "  leads to     %s updates, %s revisions, state %s", su_count_text(m->updates),
            su_count_text(m->revisions), state);
    su_answer_key_lines(c, m);
    su_line(c, "  every block of %zu volumes read and as the manifest says", m->volumes.count);
    su_line(c, "%s as %s by key %s: %s", s->is_there ? "was signed already" : "signed", s->role, fingerprint,
            s->name);
}

static int sign(struct signing *s, const char *path, struct su_err *err)
{
    SU_AUTO(su_bundle_raw) struct su_bundle_raw raw = SU_BUNDLE_RAW_INIT;
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    char bundle[SU_BUNDLE_NAME_TEXT];
    if (check_role(s, err) < 0 || su_bundle_open(&raw, path, err) < 0 || prove(s, &raw, &m, err) < 0 ||
        read_key(s, err) < 0 || (s->certificate ? sign_cms(s, &raw, err) : sign_plain(s, &raw, err)) < 0 ||
        choose_name(s, &raw, err) < 0)
        return -1;
    su_manifest_name(&m, bundle);
    /* What a killed run left would be a stranger in the bundle's folder, for which it is refused. */
    if (su_dir_sweep(raw.dir, false, err) < 0)
        return -1;
    if (!s->is_there &&
        su_file_save_new(raw.dir, s->name, 0644, s->signature.bytes, s->signature.length, err) < 0) {
        s->is_added = su_file_exists(raw.dir, s->name); /* its sync failed */
        return -1;
    }
    s->is_added = true;
    if (!s->is_path && record(s, &raw, &m, bundle, err) < 0)
        return -1;
    answer(s, &m, bundle);
    su_message(&s->c->events, SU_SIGNED, SU_INFO, "%s %s as %s: %s", bundle,
               s->is_there ? "was signed already" : "signed", s->role, s->name);
    return 0;
}

int cmd_sign(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names found = {0};
    struct signing s = {.c = c,
                        .key = su_given(c, "key"),
                        .role = su_given(c, "role"),
                        .certificate = su_given(c, "cert"),
                        .key_pem = SU_BUF_INIT(SU_MAX_KEY_FILE_BYTES),
                        .signature = SU_BUF_INIT(SU_MAX_CMS_BYTES),
                        .file = SU_KEY_FILE_INIT};
    if (!s.key || !s.role || !su_key_role_is_valid(s.role))
        return su_fail(err, SU_USAGE, "sign needs --key and --role exporter, reviewer or receiver");
    s.is_path = strchr(s.key, '/') || su_file_exists(AT_FDCWD, s.key);
    if (!s.is_path && !c->home_path) {
        (void)su_fail(err, SU_USAGE, "no file called %s, and no home given where a key of that name could be",
                      s.key);
        return su_remedy(err, "Give the path of a private key, or --home DIR of the hub.");
    }
    if (!s.is_path && su_home_open(&c->home, c->home_path, SU_HUB, SU_WRITE, "sign", err) < 0)
        return su_after(err, "Nothing was written.");
    if (su_bundle_find(su_argument(c, 0), &found, err) < 0)
        return -1;
    if (found.count > 1)
        return su_fail(err, SU_AMBIGUOUS, "%s holds %zu bundles; name the folder of one", su_argument(c, 0),
                       found.count);
    int result = sign(&s, found.at[0], err);
    if (s.key_pem.bytes)
        su_wipe(s.key_pem.bytes, s.key_pem.length);
    su_buf_cleanup(&s.key_pem);
    su_buf_cleanup(&s.signature);
    su_key_file_cleanup(&s.file);
    if (result == 0)
        return 0;
    return su_after(
        err, s.is_added ? "The signature is there; run again to be sure that it stays and is in the ledger."
                        : "No signature was added.");
}
