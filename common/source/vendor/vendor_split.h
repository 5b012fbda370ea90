/*
 * vendor_split.h - the packages in the XML that another vendor publishes, pushed in as bytes: one document that is a
 * package, or a catalogue of them (formats.md 7.1, V1).
 *
 * A package that is the whole document is given as it is, byte for byte. One inside a catalogue is given as the
 * exact bytes of its element, with the namespaces that the catalogue's root declares written into its start tag,
 * behind its name, in their order, unless the element declares the same prefix itself: so it stands alone. Which of
 * them it uses is not asked, because a prefix may stand in text and values too.
 */
#ifndef SU_VENDOR_SPLIT_H
#define SU_VENDOR_SPLIT_H

#include "common/base/buf.h"
#include "common/base/text.h"

struct su_vendor_package {
    struct su_guid id;
    bool is_whole;        /* a document of its own */
    char created[40];     /* CreationDate, "" when it says none or too long a one */
    const char *document; /* for the call */
    size_t bytes;
};
typedef int (*su_vendor_take)(void *context, const struct su_vendor_package *package, struct su_err *err);

struct su_vendor_split;
struct su_vendor_split *su_vendor_split_new(su_vendor_take take, void *context, struct su_err *err);
int su_vendor_split_feed(struct su_vendor_split *split, const char *bytes, size_t length, struct su_err *err) SU_CHECKED;
/* A whole document is given here. */
int su_vendor_split_finish(struct su_vendor_split *split, struct su_err *err) SU_CHECKED;
void su_vendor_split_cleanup(struct su_vendor_split **split);

#endif
