/* A Software Distribution Package taken apart (sdp_parse.c, by way of su_update_parse). */
#include "helpers.h"

#include "common/catalogue/sdp_parse.h"

#define ID "00004850-0000-0000-5350-000000065001"
#define BEGIN "<sdp:SoftwareDistributionPackage SchemaVersion=\"1.0\" xmlns:sdp=\"" SU_SDP_URI "\" xmlns:x=\"urn:installers\">"
#define END "</sdp:SoftwareDistributionPackage>"
#define PROPERTIES "<sdp:Properties PackageID=\"" ID "\" CreationDate=\"2019-01-24T07:52:15Z\" VendorName=\"Fabrikam\"/>"
#define TITLED "<sdp:LocalizedProperties><sdp:Language>en</sdp:Language><sdp:Title>A driver</sdp:Title></sdp:LocalizedProperties>"
#define FILE_WITH(attributes) "<sdp:InstallableItem ID=\"" ID "\"><sdp:OriginFile " attributes "/></sdp:InstallableItem>"
#define DIGEST "Digest=\"7sJyfjiOzAzMVjZ7FqJLS0hQsG0=\""

static void parse(struct su_update *u, const char *xml)
{
    GOOD(su_update_parse(u, xml, strlen(xml), &e));
}

static void refuse(const char *xml, enum su_code code, const char *names)
{
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    REFUSED(su_update_parse(&u, xml, strlen(xml), &e), code);
    NAMES(names);
}

static void has_tag(const struct su_update *u, const char *kind, const char *value)
{
    for (size_t i = 0; i < u->tags.count; i++)
        if (strcmp(u->tags.at[i].kind, kind) == 0 && strcmp(u->tags.at[i].value, value) == 0)
            return;
    print_error("no %s '%s'\n", kind, value);
    fail();
}

static void assert_guid(const struct su_guid *guid, const char *text)
{
    char out[SU_GUID_TEXT];
    assert_string_equal(su_guid_format(guid, out), text);
}

#define A1 "11111111-1111-4111-8111-111111111111"
#define A2 "22222222-2222-4222-8222-222222222222"
#define A3 "33333333-3333-4333-8333-333333333333"
#define A4 "44444444-4444-4444-8444-444444444444"

/* Everything that is taken, once. */
static const char whole[] =
    "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>" BEGIN
    "<sdp:Properties PackageID=\"" ID "\" CreationDate=\"2019-01-24T07:52:15Z\" VendorName=\"Fabrikam &amp; Sons\" PublicationState=\"Published\""
    " RestrictToClientServicingApi=\"true\"><sdp:MoreInfoUrl>http://fabrikam.example/a?b=1&amp;c=2</sdp:MoreInfoUrl>"
    "<sdp:SupportUrl>http://fabrikam.example/help</sdp:SupportUrl><sdp:ProductName>Driver</sdp:ProductName><sdp:ProductName>Firmware</sdp:ProductName></sdp:Properties>"
    "<sdp:LocalizedProperties><sdp:Language>de</sdp:Language><sdp:Title>Treiber</sdp:Title><sdp:Description>Ein Treiber</sdp:Description></sdp:LocalizedProperties>"
    TITLED
    "<sdp:UpdateSpecificData UpdateClassification=\"Critical Updates\" MsrcSeverity=\"Important\"><sdp:SecurityBulletinID>FB-1</sdp:SecurityBulletinID>"
    "<sdp:CveID>CVE-2019-1</sdp:CveID><sdp:CveID>CVE-2019-2</sdp:CveID><sdp:KBArticleID>sp65001</sdp:KBArticleID></sdp:UpdateSpecificData>"
    "<sdp:IsInstallable><x:True/></sdp:IsInstallable>"
    "<sdp:SupersededPackages><sdp:PackageID>" A1 "</sdp:PackageID><sdp:PackageID>\n " A2 " </sdp:PackageID></sdp:SupersededPackages>"
    "<sdp:Prerequisites><sdp:AtLeastOne><sdp:PackageID>" A2 "</sdp:PackageID><sdp:PackageID>" A1 "</sdp:PackageID></sdp:AtLeastOne>"
    "<sdp:AtLeastOne><sdp:PackageID>" A3 "</sdp:PackageID></sdp:AtLeastOne></sdp:Prerequisites>"
    "<sdp:BundledPackages><sdp:PackageID>" A4 "</sdp:PackageID><sdp:PackageID>" A3 "</sdp:PackageID></sdp:BundledPackages>"
    "<sdp:InstallableItem ID=\"" A1 "\"><sdp:ApplicabilityRules><sdp:IsInstalled><x:PackageID>no id</x:PackageID></sdp:IsInstalled><sdp:Metadata/></sdp:ApplicabilityRules>"
    "<sdp:InstallProperties Impact=\"Normal\" RebootBehavior=\"CanRequestReboot\"/><x:CommandLineInstallerData Program=\"a.exe\"/>"
    "<sdp:OriginFile Digest=\"7sJyfjiOzAzMVjZ7FqJLS0hQsG0=\" FileName=\"a.exe\" Size=\"26825728\" Modified=\"2019-01-24T07:52:15Z\" OriginUri=\"http://fabrikam.example/a.exe\">"
    "<sdp:AdditionalDigest Algorithm=\"SHA256\">ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=</sdp:AdditionalDigest></sdp:OriginFile>"
    "<sdp:Language>en</sdp:Language><sdp:Language>de</sdp:Language></sdp:InstallableItem>" END;

static void test_whole(void **state)
{
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    (void)state;
    parse(&u, whole);
    assert_guid(&u.id, ID);
    assert_false(u.has_revision);
    assert_int_equal(u.type, SU_SOFTWARE);
    assert_true(u.is_deployable);
    assert_false(u.is_expired);
    assert_string_equal(u.created, "2019-01-24T07:52:15Z");
    assert_string_equal(u.severity, "Important");
    assert_string_equal(su_update_title(&u), "A driver");
    assert_int_equal(u.localized.count, 2);
    assert_string_equal(u.localized.at[0].description, "Ein Treiber");
    static const char *const tags[][2] = {
        {"vendor", "Fabrikam & Sons"}, {"product", "Driver"}, {"product", "Firmware"}, {"url", "http://fabrikam.example/a?b=1&c=2"},
        {"support", "http://fabrikam.example/help"}, {"classification", "Critical Updates"}, {"bulletin", "FB-1"}, {"cve", "CVE-2019-1"},
        {"cve", "CVE-2019-2"}, {"kb", "sp65001"}, {"rule", "IsInstallable"}, {"rule", "item IsInstalled"}, {"rule", "item Metadata"},
        {"handler", "CommandLine"}, {"language", "en"}, {"language", "de"}, {"property", "InstallProperties.Impact=Normal"},
        {"property", "BundledPackage=" A4}, {"property", "PublicationState=Published"}};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        has_tag(&u, tags[i][0], tags[i][1]);
    assert_int_equal(u.superseded.count, 2);
    assert_guid(&u.superseded.at[1], A2);
}

static void test_relations_and_files(void **state)
{
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    (void)state;
    parse(&u, whole);
    static const struct { unsigned clause; bool is_category; const char *id; } want[] = {
        {0, false, "b7a590e9-db06-43f6-9b06-4ad73869cca2"}, {1, true, "e6cf1350-c01b-414d-a61f-263d14d133b4"},
        {2, false, A2}, {2, false, A1}, {3, false, A3}, {4, false, A4}, {4, false, A3}};
    assert_int_equal(u.prerequisites.count, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(u.prerequisites.at[i].clause, want[i].clause);
        assert_int_equal(u.prerequisites.at[i].is_category, want[i].is_category);
        assert_guid(&u.prerequisites.at[i].id, want[i].id);
    }
    assert_int_equal(u.bundled.count, 0);
    assert_int_equal(u.packed_relations_bytes, 7 * 17);
    assert_int_equal(u.files.count, 1);
    assert_string_equal(u.files.at[0].name, "a.exe");
    assert_string_equal(u.files.at[0].uri, "http://fabrikam.example/a.exe");
    assert_int_equal(u.files.at[0].bytes, 26825728);
    assert_true(u.files.at[0].has_sha256);
    assert_int_equal(u.files.at[0].sha1[0], 0xee);
    assert_int_equal(u.files.at[0].sha256[0], 0xba);
    assert_false(u.files.at[0].is_licence);
}

/* After an Update the same memory takes a package, and the other way round. */
static void test_kinds_in_turn(void **state)
{
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    static const char update[] = "<Update xmlns=\"http://schemas.microsoft.com/msus/2002/12/Update\"><UpdateIdentity UpdateID=\"" A1
                                 "\" RevisionNumber=\"7\"/><Properties UpdateType=\"Software\"/></Update>";
    (void)state;
    parse(&u, whole);
    parse(&u, update);
    assert_true(u.has_revision);
    assert_int_equal(u.revision, 7);
    assert_int_equal(u.files.count + u.superseded.count + u.prerequisites.count, 0);
    parse(&u, whole);
    assert_false(u.has_revision);
    assert_int_equal(u.files.count, 1);
}

static void test_types_and_states(void **state)
{
    static const struct { const char *type; enum su_update_type want; bool deployable; } types[] = {
        {"Software", SU_SOFTWARE, true}, {"Driver", SU_DRIVER, true}, {"Detectoid", SU_DETECTOID, false}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
        char xml[2000];
        (void)snprintf(xml, sizeof xml, BEGIN "<sdp:Properties PackageID=\"" ID "\" UpdateType=\"%s\" PublicationState=\"Expired\"/>" TITLED END, types[i].type);
        parse(&u, xml);
        assert_int_equal(u.type, types[i].want);
        assert_int_equal(u.is_deployable, types[i].deployable);
        assert_true(u.is_expired);
    }
    refuse(BEGIN "<sdp:Properties PackageID=\"" ID "\" UpdateType=\"Category\"/>" TITLED END, SU_DATA, "none of Software, Driver, Detectoid");
}

/* Hotfixes, and what nobody knows, are names without a clause. */
static void test_classification_without_id(void **state)
{
    static const char *const names[] = {"Hotfixes", "Toys", "updates"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
        char xml[2000];
        (void)snprintf(xml, sizeof xml, BEGIN PROPERTIES TITLED "<sdp:UpdateSpecificData UpdateClassification=\"%s\"/>" END, names[i]);
        parse(&u, xml);
        has_tag(&u, "classification", names[i]);
        assert_int_equal(u.prerequisites.count, 0);
    }
}

/* The element of a catalogue has the other namespace; any third is no package. */
static void test_roots(void **state)
{
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    (void)state;
    parse(&u, "<a:SoftwareDistributionPackage xmlns:a=\"" SU_SMC_URI "\" xmlns:sdp=\"" SU_SDP_URI "\">" PROPERTIES TITLED "</a:SoftwareDistributionPackage>");
    refuse("<SoftwareDistributionPackage>" "</SoftwareDistributionPackage>", SU_DATA, "the root element is SoftwareDistributionPackage");
    refuse("<a:SystemsManagementCatalog xmlns:a=\"" SU_SMC_URI "\"/>", SU_DATA, "not an Update");
}

static void test_what_is_missing(void **state)
{
    (void)state;
    refuse(BEGIN TITLED END, SU_DATA, "no Properties");
    refuse(BEGIN PROPERTIES END, SU_DATA, "no Title");
    refuse(BEGIN PROPERTIES PROPERTIES TITLED END, SU_DATA, "two Properties");
    refuse(BEGIN "<sdp:Properties/>" TITLED END, SU_DATA, "PackageID");
    refuse(BEGIN "<sdp:Properties PackageID=\"{" ID "}\"/>" TITLED END, SU_DATA, "PackageID");
    refuse(BEGIN "<sdp:Properties PackageID=\"00004850-0000-0000-5350-00000006500g\"/>" TITLED END, SU_DATA, "PackageID");
    refuse(BEGIN PROPERTIES TITLED "<sdp:SupersededPackages><sdp:PackageID>all</sdp:PackageID></sdp:SupersededPackages>" END, SU_DATA, "is no GUID");
    refuse(BEGIN PROPERTIES TITLED "<sdp:BundledPackages><sdp:PackageID/></sdp:BundledPackages>" END, SU_DATA, "is no GUID");
    refuse(BEGIN PROPERTIES TITLED "<sdp:BundledPackages><sdp:PackageID>" A1 " " A2 "</sdp:PackageID></sdp:BundledPackages>" END, SU_DATA, "is no GUID");
    refuse(BEGIN PROPERTIES TITLED FILE_WITH("FileName=\"a.exe\" Size=\"1\"") END, SU_DATA, "Digest");
    refuse(BEGIN PROPERTIES TITLED FILE_WITH("FileName=\"a.exe\" Size=\"1\" Digest=\"7sJyfjiOzAzMVjZ7FqJLS0hQsG0\"") END, SU_DATA, "Digest");
    refuse(BEGIN PROPERTIES TITLED FILE_WITH("FileName=\"a.exe\" Size=\"-1\" " DIGEST) END, SU_DATA, "Size");
    refuse(BEGIN PROPERTIES TITLED FILE_WITH("FileName=\"a.exe\" " DIGEST) END, SU_DATA, "Size");
}

static void test_hostile(void **state)
{
    SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(2 * SU_MIB);
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    (void)state;
    refuse("<!DOCTYPE a [<!ENTITY b \"c\">]>" BEGIN PROPERTIES TITLED END, SU_DATA, "document type");
    refuse(BEGIN PROPERTIES TITLED, SU_DATA, "");
    refuse(BEGIN PROPERTIES TITLED END END, SU_DATA, "");
    refuse(BEGIN PROPERTIES "<sdp:LocalizedProperties><sdp:Title>&b;</sdp:Title></sdp:LocalizedProperties>" END, SU_DATA, "");
    /* a text at the limit, and one byte past it */
    for (size_t past = 0; past < 2; past++) {
        su_buf_clear(&xml);
        su_buf_adds(&xml, BEGIN PROPERTIES "<sdp:LocalizedProperties><sdp:Title>");
        for (size_t i = 0; i < SU_MAX_XML_TEXT_BYTES + past; i++)
            su_buf_add(&xml, "x", 1);
        su_buf_adds(&xml, "</sdp:Title></sdp:LocalizedProperties>" END);
        GOOD(su_buf_check(&xml, "xml", &e));
        if (past)
            REFUSED(su_update_parse(&u, xml.bytes, xml.length, &e), SU_LIMIT);
        else
            parse(&u, xml.bytes);
    }
    /* elements as deep as may be, and one more */
    for (size_t past = 0; past < 2; past++) {
        su_buf_clear(&xml);
        su_buf_adds(&xml, BEGIN PROPERTIES TITLED);
        for (size_t i = 1; i < SU_MAX_XML_DEPTH + past; i++)
            su_buf_adds(&xml, "<sdp:IsInstallable>");
        for (size_t i = 1; i < SU_MAX_XML_DEPTH + past; i++)
            su_buf_adds(&xml, "</sdp:IsInstallable>");
        su_buf_adds(&xml, END);
        if (past)
            REFUSED(su_update_parse(&u, xml.bytes, xml.length, &e), SU_LIMIT);
        else
            parse(&u, xml.bytes);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_relations_and_files),
        cmocka_unit_test(test_kinds_in_turn),
        cmocka_unit_test(test_types_and_states),
        cmocka_unit_test(test_classification_without_id),
        cmocka_unit_test(test_roots),
        cmocka_unit_test(test_what_is_missing),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
