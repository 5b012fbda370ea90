/* A document taken apart, as bytes between two processes: what comes back is what went in, and nothing else is taken. */
#include "helpers.h"

#include "common/catalogue/update_code.h"

#define A1 "11111111-1111-4111-8111-111111111111"
#define A2 "22222222-2222-4222-8222-222222222222"

/* Everything that is taken, at least once. */
static const char whole[] =
    "<upd:Update xmlns:upd=\"" UPD_URI "\" xmlns:cat=\"" CAT_URI "\">"
    "<upd:UpdateIdentity UpdateID=\"" A1 "\" RevisionNumber=\"200\" />"
    "<upd:Properties DefaultPropertiesLanguage=\"en\" UpdateType=\"Software\" ExplicitlyDeployable=\"true\" PublicationState=\"Expired\" "
    "CreationDate=\"2024-01-11T20:15:45.051Z\" MsrcSeverity=\"Critical\"><upd:InstallationBehavior RebootBehavior=\"CanRequestReboot\" />"
    "<upd:MoreInfoUrl>http://a/?a=1&amp;b=2</upd:MoreInfoUrl><upd:SupportUrl>http://b</upd:SupportUrl><upd:SecurityBulletinID>MS17-010</upd:SecurityBulletinID>"
    "<upd:CveID>CVE-2024-0001</upd:CveID><upd:KBArticleID>5034123</upd:KBArticleID><upd:Language>en</upd:Language></upd:Properties>"
    "<upd:LocalizedPropertiesCollection><upd:LocalizedProperties><upd:Language>de</upd:Language><upd:Title>f\xc3\xbcr Windows \xf0\x9f\x98\x80</upd:Title>"
    "<upd:Description></upd:Description></upd:LocalizedProperties>"
    "<upd:EulaFile Digest=\"qZk+NkcGgWq6PiVxeFDCbJzQ2J0=\" FileName=\"eula.txt\" Size=\"3\" Language=\"de\">"
    "<upd:AdditionalDigest Algorithm=\"SHA256\">ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=</upd:AdditionalDigest></upd:EulaFile>"
    "</upd:LocalizedPropertiesCollection><upd:Relationships><upd:Prerequisites><upd:UpdateIdentity UpdateID=\"" A1 "\" />"
    "<upd:AtLeastOne IsCategory=\"true\"><upd:UpdateIdentity UpdateID=\"" A2 "\" /><upd:UpdateIdentity UpdateID=\"" A1 "\" /></upd:AtLeastOne></upd:Prerequisites>"
    "<upd:SupersededUpdates><upd:UpdateIdentity UpdateID=\"" A2 "\" /></upd:SupersededUpdates>"
    "<upd:BundledUpdates><upd:UpdateIdentity UpdateID=\"" A2 "\" RevisionNumber=\"4294967295\" /></upd:BundledUpdates></upd:Relationships>"
    "<upd:Files><upd:File Digest=\"hJg+RBw70m66rkqh+VEp5eVGcPE=\" FileName=\"a.psf\" Size=\"9223372036854775807\" /></upd:Files>"
    "<upd:HandlerSpecificData><cat:CategoryInformation CategoryType=\"Product\" /></upd:HandlerSpecificData></upd:Update>";
static const char small[] = "<upd:Update xmlns:upd=\"" UPD_URI "\"><upd:UpdateIdentity UpdateID=\"" A2 "\" RevisionNumber=\"1\" />"
                            "<upd:Properties UpdateType=\"Category\" /></upd:Update>";
static const char package[] =
    "<s:SoftwareDistributionPackage xmlns:s=\"http://schemas.microsoft.com/wsus/2005/04/CorporatePublishing/SoftwareDistributionPackage.xsd\">"
    "<s:Properties PackageID=\"" A1 "\" VendorName=\"Vendor\" CreationDate=\"2024-01-11T20:15:45Z\"><s:ProductName>Thing</s:ProductName></s:Properties>"
    "<s:LocalizedProperties><s:Language>en</s:Language><s:Title>A title</s:Title></s:LocalizedProperties>"
    "<s:UpdateSpecificData UpdateClassification=\"Updates\" MsrcSeverity=\"Low\" /><s:IsInstalled />"
    "<s:InstallableItem><s:OriginFile Digest=\"hJg+RBw70m66rkqh+VEp5eVGcPE=\" FileName=\"a.exe\" Size=\"1\" OriginUri=\"http://c/a.exe\" />"
    "<x:CommandLineInstallerData xmlns:x=\"urn:x\" /></s:InstallableItem></s:SoftwareDistributionPackage>";

static void code(const char *xml, struct su_buf *out)
{
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    GOOD(su_update_parse(&u, xml, strlen(xml), &e));
    GOOD(su_update_encode(&u, out, &e));
}

static void assert_comes_back(struct su_update *u, const char *xml)
{
    SU_AUTO(su_update) struct su_update direct = SU_UPDATE_INIT;
    SU_AUTO(su_buf) struct su_buf coded = SU_BUF_INIT(SU_MIB), again = SU_BUF_INIT(SU_MIB);
    code(xml, &coded);
    GOOD(su_update_parse(&direct, xml, strlen(xml), &e));
    GOOD(su_update_decode(u, coded.bytes, coded.length, &e));
    GOOD(su_update_encode(u, &again, &e));
    assert_int_equal(again.length, coded.length);
    assert_memory_equal(again.bytes, coded.bytes, coded.length);
    assert_int_equal(u->packed_relations_bytes, direct.packed_relations_bytes);
    assert_memory_equal(u->packed_relations, direct.packed_relations, direct.packed_relations_bytes);
    assert_string_equal(su_update_title(u), su_update_title(&direct));
    assert_int_equal(u->type, direct.type);
    assert_int_equal(u->revision, direct.revision);
    assert_int_equal(u->has_revision, direct.has_revision);
    assert_int_equal(u->tags.count, direct.tags.count);
    for (size_t i = 0; i < u->tags.count; i++) {
        assert_string_equal(u->tags.at[i].kind, direct.tags.at[i].kind);
        assert_string_equal(u->tags.at[i].value, direct.tags.at[i].value);
    }
    for (size_t i = 0; i < u->files.count; i++) {
        assert_string_equal(u->files.at[i].name, direct.files.at[i].name);
        assert_true(u->files.at[i].bytes == direct.files.at[i].bytes);
        assert_int_equal(u->files.at[i].is_express, direct.files.at[i].is_express);
    }
}

/* One after the other into the same structure: nothing of the one before stays. */
static void test_comes_back(void **state)
{
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    (void)state;
    assert_comes_back(&u, whole);
    assert_comes_back(&u, small);
    assert_comes_back(&u, package);
    assert_comes_back(&u, whole);
}

static void refuse(const struct su_buf *coded, size_t length)
{
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    char *exact = malloc(length + 1); /* of its length, so that the sanitizers see a byte too much */
    assert_non_null(exact);
    char *smaller = realloc(exact, length ? length : 1);
    assert_non_null(smaller);
    memcpy(smaller, coded->bytes, length); /* NOLINT(analyzer-null-argument): assert_non_null does not return then */
    REFUSED(su_update_decode(&u, smaller, length, &e), SU_CONFINED);
    free(smaller);
}

static void test_cut(void **state)
{
    SU_AUTO(su_buf) struct su_buf coded = SU_BUF_INIT(SU_MIB);
    (void)state;
    code(whole, &coded);
    for (size_t length = 0; length < coded.length; length++)
        refuse(&coded, length);
    su_buf_add(&coded, "", 1);
    refuse(&coded, coded.length);
    NAMES("texts that belong to nothing");
}

/* Whatever one byte says: it is refused, or it is an update again that is written as it was read. */
static void test_every_byte(void **state)
{
    SU_AUTO(su_buf) struct su_buf coded = SU_BUF_INIT(SU_MIB), again = SU_BUF_INIT(SU_MIB);
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    static const uint8_t changes[] = {0x01, 0x02, 0x10, 0x80, 0xff};
    size_t refused = 0;
    (void)state;
    code(whole, &coded);
    for (size_t i = 0; i < coded.length; i++)
        for (size_t k = 0; k < sizeof changes; k++) {
            coded.bytes[i] = (char)(coded.bytes[i] ^ changes[k]);
            if (su_update_decode(&u, coded.bytes, coded.length, &e) < 0) {
                refused++;
            } else {
                su_buf_clear(&again);
                GOOD(su_update_encode(&u, &again, &e));
                assert_int_equal(again.length, coded.length);
                assert_memory_equal(again.bytes, coded.bytes, coded.length);
            }
            coded.bytes[i] = (char)(coded.bytes[i] ^ changes[k]);
        }
    assert_true(refused > coded.length); /* NULs, lengths, flags, what is no UTF-8 */
}

/* Where things stand: the head, then six counts. */
enum { ID = 16, REVISION = 20, HAS_REVISION = 20, TYPE = 21, EXPIRED = 22, TEXTS = 24, COUNTS = TEXTS + 16 };

static void lie(size_t at, const void *bytes, size_t length, const char *reason)
{
    SU_AUTO(su_buf) struct su_buf coded = SU_BUF_INIT(SU_MIB);
    code(whole, &coded);
    memcpy(coded.bytes + at, bytes, length);
    refuse(&coded, coded.length);
    NAMES(reason);
}

static void lie_u32(size_t at, uint32_t value, const char *reason)
{
    lie(at, &value, sizeof value, reason);
}

static void test_lies(void **state)
{
    const size_t relation = 4 + 1 + 16 + 4, file = 20 + 32 + 3 + 8 + 12, entries = COUNTS + 6 * 4,
                 files = entries + 4 * relation + 16, localized = files + 2 * file, tags = localized + 12;
    static const uint8_t endless[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    (void)state;
    lie(HAS_REVISION, "\2", 1, "a flag");
    lie(TYPE, "\4", 1, "its type");
    lie(EXPIRED, "\xff", 1, "a flag");
    for (size_t list = 0; list < 6; list++) {
        lie_u32(COUNTS + 4 * list, 1000001, "the length of a list");
        lie_u32(COUNTS + 4 * list, 1000000, "the length of a list"); /* more than there are bytes */
        lie_u32(COUNTS + 4 * list, UINT32_MAX, "the length of a list");
    }
    for (size_t text = 0; text < 4; text++) {
        lie_u32(TEXTS + 4 * text, SU_MAX_XML_TEXT_BYTES + 1, "the length of a text");
        lie_u32(TEXTS + 4 * text, UINT32_MAX, "the length of a text");
        lie_u32(TEXTS + 4 * text, 1, "a text"); /* too short: no NUL behind it */
    }
    lie_u32(entries, UINT32_MAX, "a clause");
    lie(entries + 4, "\2", 1, "a flag");
    lie(files + 55, endless, sizeof endless, "the size of a file");
    lie_u32(files + 63, SU_MAX_XML_TEXT_BYTES + 1, "the length of a text");
    lie(tags, "\14", 1, "the kind of a word");
    lie(tags, "\xff", 1, "the kind of a word");
}

static void test_text_that_is_none(void **state)
{
    SU_AUTO(su_buf) struct su_buf coded = SU_BUF_INIT(SU_MIB);
    (void)state;
    code(whole, &coded);
    char *title = memmem(coded.bytes, coded.length, "f\xc3\xbcr", 4);
    assert_non_null(title);
    title[0] = 0;
    refuse(&coded, coded.length);
    title[0] = 'f';
    title[2] = 'x';
    refuse(&coded, coded.length);
    NAMES("a text");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comes_back), cmocka_unit_test(test_cut),  cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_lies),       cmocka_unit_test(test_text_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
