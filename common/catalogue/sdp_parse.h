/*
 * sdp_parse.h - a Software Distribution Package, as other vendors publish updates (formats.md 7.1), taken apart into a
 * struct su_update. su_update_parse calls it when the root element is one, in whichever of the two namespaces.
 *
 * What WSUS makes of a package when it is published there is followed where it matters for the closure:
 *   - the update id is the PackageID; a package has no revision, its record says one;
 *   - the classification is a clause of prerequisites, by the id that classification has at Microsoft. Hotfixes has none;
 *   - RestrictToClientServicingApi is a clause that names the detectoid for it;
 *   - bundled packages are named without a revision, so they are one clause of prerequisites (any of them), not
 *     bundled updates, which are exact revisions.
 * Names stay as the vendor wrote them, as tags: vendor, product, classification; handler: the installer's element;
 * rule: which detection rules are there, "IsInstallable", or "item IsInstalled".
 */
#ifndef SU_SDP_PARSE_H
#define SU_SDP_PARSE_H

#include "common/catalogue/update.h"

struct su_attributes;

struct su_sdp_parser {
    struct su_update *update;
    struct su_buf *text;
    uint8_t stack[SU_MAX_XML_DEPTH + 1]; /* places */
    size_t depth;
    bool has_properties, digest_is_sha256;
    uint32_t clause;
    const char *text_kind; /* tag kind, or which localized field */
};

#define SU_SDP_URI "http://schemas.microsoft.com/wsus/2005/04/CorporatePublishing/SoftwareDistributionPackage.xsd"
#define SU_SMC_URI "http://schemas.microsoft.com/sms/2005/04/CorporatePublishing/SystemsManagementCatalog.xsd"
bool su_sdp_is_root(const char *uri, const char *name);

/* The root's start first. */
int su_sdp_start(struct su_sdp_parser *p, const char *uri, const char *name, const struct su_attributes *a,
                 struct su_err *err) SU_CHECKED;
int su_sdp_end(struct su_sdp_parser *p, struct su_err *err) SU_CHECKED;
void su_sdp_text(struct su_sdp_parser *p, const char *text, size_t length);
/* After the document's end: what no package can be without is there. */
int su_sdp_check(const struct su_sdp_parser *p, struct su_err *err) SU_CHECKED;

#endif
