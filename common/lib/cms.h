/*
 * cms.h - X.509 certificates, revocation lists and detached CMS signatures (OpenSSL).
 *
 * No clock is asked. A chain is built without regard to time; the facts that depend on time (until when
 * certificates and revocation lists hold) are handed out as text, "2026-10-14T02:00:00", which orders
 * like time, for the caller to compare with what he knows of the date. "Not yet valid" is not judged:
 * without a clock the present can only be bounded from below.
 */
#ifndef SU_CMS_H
#define SU_CMS_H

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/lib/digest.h"

#define SU_INSTANT_TEXT 20 /* "2026-10-14T02:00:00" */
/* The first 19 characters when they are a date and time, else "". */
void su_instant_of(const char *time, char out[SU_INSTANT_TEXT]);

/* A certificate; id is the SHA-256 of its key's SubjectPublicKeyInfo, as of other keys. */
struct su_certificate {
    void *handle; /* X509 */
    uint8_t id[SU_SHA256_BYTES];
    char common_name[65]; /* "" when it has not exactly one */
};
#define SU_CERTIFICATE_INIT { .handle = NULL }
void su_certificate_cleanup(struct su_certificate *certificate);
/* One PEM certificate, of an authority: SU_KEY when it may not issue certificates. */
int su_authority_load(struct su_certificate *out, const char *pem, size_t length, struct su_err *err) SU_CHECKED;
/* One certificate of anybody, in PEM or DER form. */
int su_certificate_load(struct su_certificate *out, const char *bytes, size_t length, struct su_err *err) SU_CHECKED;
/* Of an X509 that signed code: its key, its name, when it ends. SU_CERT_PURPOSE when it is not for that. */
int su_certificate_describe(void *x509, uint8_t key[SU_SHA256_BYTES], char name[65], char until[SU_INSTANT_TEXT],
                            struct su_err *err) SU_CHECKED;
int su_certificate_save(const struct su_certificate *certificate, struct su_buf *pem, struct su_err *err) SU_CHECKED;

struct su_crl {
    void *handle; /* X509_CRL */
    char number[64]; /* decimal digits; "" when it has none */
    char last_update[SU_INSTANT_TEXT], next_update[SU_INSTANT_TEXT]; /* next: "" when it says none */
};
#define SU_CRL_INIT { .handle = NULL }
void su_crl_cleanup(struct su_crl *crl);
/* One complete PEM list; a delta or partial one is refused. */
int su_crl_load(struct su_crl *out, const char *pem, size_t length, struct su_err *err) SU_CHECKED;
int su_crl_save(const struct su_crl *crl, struct su_buf *pem, struct su_err *err) SU_CHECKED;
bool su_crl_is_issued_by(const struct su_crl *crl, const struct su_certificate *authority);
/* <0 when `a` was issued before `b`, 0 when it is the same issue. */
int su_crl_compare(const struct su_crl *a, const struct su_crl *b);

/* A signature that is good over its bytes by the certificate it carries. That says nothing yet. */
struct su_cms {
    void *handle;                  /* CMS_ContentInfo */
    struct su_certificate signer;  /* borrowed from the handle */
};
#define SU_CMS_INIT { .handle = NULL }
void su_cms_cleanup(struct su_cms *cms);
/* SU_CERT_WEAK, or SU_UNTRUSTED for what is no detached signature over `content`. */
int su_cms_open(struct su_cms *out, const void *der, size_t length, const void *content, size_t content_length,
                struct su_err *err) SU_CHECKED;
/* Follows the signer's chain up to this one authority: SU_CERT_ISSUER, SU_CERT_PURPOSE, SU_CERT_REVOKED.
 * `crl` is the authority's, or NULL. `until` is the end of the chain's validity. */
int su_cms_chain(const struct su_cms *cms, const struct su_certificate *authority, const struct su_crl *crl,
                 char until[SU_INSTANT_TEXT], struct su_err *err) SU_CHECKED;

/* Signs with a PEM key (with `passphrase`, or NULL) and its PEM certificate; further certificates in
 * that text go along. */
int su_cms_sign(const char *key_pem, size_t key_length, const char *passphrase, const char *certificate_pem,
                size_t certificate_length, const void *content, size_t content_length, struct su_buf *der,
                struct su_err *err) SU_CHECKED;

#endif
