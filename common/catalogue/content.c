#include "common/catalogue/content.h"

#include <stdio.h>
#include <string.h>

void su_content_tell(struct su_content_report *report, const struct su_content_finding *finding)
{
    switch (finding->verdict) {
    case SU_FILE_ADOPTED:
        report->adopted++;
        report->bytes_adopted += finding->bytes;
        break;
    case SU_FILE_HELD: report->held++; break;
    case SU_FILE_WRONG: report->wrong++; break;
    case SU_FILE_UNKNOWN: report->unknown++; break;
    case SU_FILE_MISSING:
        report->missing++;
        report->bytes_missing += finding->bytes;
        report->licence_missing += finding->is_licence;
        break;
    }
    if (report->finding)
        report->finding(report->context, finding);
}

int su_content_list(struct su_home *home, const struct su_profile *profile, struct su_content_report *report,
                    struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint8_t sha1[SU_SHA1_BYTES];
    int more;
    if (su_content_need(home->db, profile, NULL, NULL, err) < 0 ||
        su_query(home->db, &rows, err,
                 "SELECT n.sha1, n.name, n.bytes, n.licence, EXISTS (SELECT 1 FROM stored_file s "
                 "WHERE " SU_STORED_AS_NEEDED "),"
                 " (SELECT i.title FROM file f JOIN info i USING (rev_id) WHERE f.sha1=n.sha1 LIMIT 1)"
                 " FROM temp.need n ORDER BY n.licence DESC, n.sha1") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (su_rows_fixed(&rows, 0, sha1, sizeof sha1, err) < 0)
            return -1;
        su_content_tell(report, &(struct su_content_finding){
                                    .verdict = su_rows_int(&rows, 4) ? SU_FILE_HELD : SU_FILE_MISSING,
                                    .name = su_rows_text(&rows, 1),
                                    .detail = "",
                                    .update = su_rows_text(&rows, 5),
                                    .sha1 = sha1,
                                    .bytes = (uint64_t)su_rows_int(&rows, 2),
                                    .is_licence = su_rows_int(&rows, 3) != 0});
    }
    return more;
}

/* Reports missing files only: what a list says, without the held ones. */
struct only_missing {
    struct su_content_report *report;
};

static void keep_missing(void *context, const struct su_content_finding *finding)
{
    struct only_missing *filter = context;
    if (finding->verdict == SU_FILE_MISSING)
        su_content_tell(filter->report, finding);
}

int su_content_tell_missing(struct su_home *home, const struct su_profile *profile,
                            struct su_content_report *report, struct su_err *err)
{
    struct only_missing filter = {report};
    struct su_content_report list = {.finding = keep_missing, .context = &filter};
    return su_content_list(home, profile, &list, err);
}
