/* One update document taken apart. */
#include "helpers.h"

#include "common/catalogue/update.h"

#define BEGIN "<upd:Update xmlns:upd=\"" UPD_URI "\" xmlns:cat=\"" CAT_URI "\">"
#define IDENTITY "<upd:UpdateIdentity UpdateID=\"0F3412F2-3405-4D86-A0FF-0EDE802227A8\" RevisionNumber=\"200\" />"
#define PROPERTIES "<upd:Properties UpdateType=\"Software\" />"
#define END "</upd:Update>"

static void parse(struct su_update *u, const char *xml)
{
    GOOD(su_update_parse(u, xml, strlen(xml), &e));
}

static void refuse(const char *xml, enum su_code code)
{
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    REFUSED(su_update_parse(&u, xml, strlen(xml), &e), code);
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
#define A5 "aabd43ad-a183-4f0b-8eee-8dbbcd67687f"

/* In the shape of a real bundle: everything that is taken, once. */
static const char whole[] =
    "<upd:Update xmlns:pub=\"" PUB_URI "\" xmlns:cmd=\"http://schemas.microsoft.com/msus/2002/12/UpdateHandlers/CommandLineInstallation\" xmlns:upd=\"" UPD_URI "\">"
    "<upd:UpdateIdentity UpdateID=\"0F3412F2-3405-4D86-A0FF-0EDE802227A8\" RevisionNumber=\"200\" />"
    "<upd:Properties DefaultPropertiesLanguage=\"en\" UpdateType=\"Software\" ExplicitlyDeployable=\"true\" PublicationState=\"Published\" "
    "CreationDate=\"2024-01-11T20:15:45.051Z\" MsrcSeverity=\"Critical\" LegacyName=\"KB1 &amp; KB2\">"
    "<upd:InstallationBehavior RebootBehavior=\"CanRequestReboot\" />"
    "<upd:MoreInfoUrl>http://support.microsoft.com/help/5034123?a=1&amp;b=2</upd:MoreInfoUrl><upd:SupportUrl>http://support.microsoft.com</upd:SupportUrl>"
    "<upd:SecurityBulletinID>MS17-010</upd:SecurityBulletinID><upd:CveID>CVE-2024-0001</upd:CveID><upd:CveID>CVE-2024-0002</upd:CveID>"
    "<upd:KBArticleID>5034123</upd:KBArticleID><upd:Language>en</upd:Language></upd:Properties>"
    "<upd:LocalizedPropertiesCollection>"
    "<upd:LocalizedProperties><upd:Language>de</upd:Language><upd:Title>Sicherheitsupdate f\xc3\xbcr Windows</upd:Title></upd:LocalizedProperties>"
    "<upd:LocalizedProperties><upd:Language>en</upd:Language><upd:Title>Security &lt;Update&gt;</upd:Title>"
    "<upd:Description>A security issue&#13;\nwas found.</upd:Description><upd:UninstallNotes>none</upd:UninstallNotes></upd:LocalizedProperties>"
    "<upd:EulaFile Digest=\"qZk+NkcGgWq6PiVxeFDCbJzQ2J0=\" DigestAlgorithm=\"SHA1\" FileName=\"eula.txt\" Size=\"3\" Language=\"de\" GeoId=\"\">"
    "<upd:AdditionalDigest Algorithm=\"SHA256\">ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=</upd:AdditionalDigest></upd:EulaFile>"
    "</upd:LocalizedPropertiesCollection>"
    "<upd:Relationships><upd:Prerequisites><upd:UpdateIdentity UpdateID=\"" A1 "\" />"
    "<upd:AtLeastOne><upd:UpdateIdentity UpdateID=\"" A2 "\" /><upd:UpdateIdentity UpdateID=\"AABD43AD-A183-4f0b-8EEE-8DBBCD67687F\" /></upd:AtLeastOne>"
    "<upd:AtLeastOne IsCategory=\"true\"><upd:UpdateIdentity UpdateID=\"" A3 "\" /></upd:AtLeastOne>"
    "<upd:UpdateIdentity UpdateID=\"" A4 "\" /></upd:Prerequisites>"
    "<upd:SupersededUpdates><upd:UpdateIdentity UpdateID=\"" A2 "\" /><upd:UpdateIdentity UpdateID=\"" A1 "\" /></upd:SupersededUpdates>"
    "<upd:BundledUpdates><upd:AtLeastOne><upd:UpdateIdentity UpdateID=\"" A1 "\" RevisionNumber=\"100\" />"
    "<upd:UpdateIdentity RevisionNumber=\"4294967295\" UpdateID=\"" A1 "\" /></upd:AtLeastOne>"
    "<upd:UpdateIdentity UpdateID=\"" A4 "\" RevisionNumber=\"0\" /></upd:BundledUpdates></upd:Relationships>"
    "<upd:ApplicabilityRules><upd:IsInstalled><UpdateIdentity xmlns=\"urn:other\" UpdateID=\"not one of ours\" /></upd:IsInstalled></upd:ApplicabilityRules>"
    "<upd:Files><upd:File Digest=\"hJg+RBw70m66rkqh+VEp5eVGcPE=\" DigestAlgorithm=\"SHA1\" FileName=\"windows10.0-kb5034123-x64.cab\" Size=\"5368709120\" Modified=\"2024-01-09T10:00:00Z\">"
    "<upd:AdditionalDigest Algorithm=\"SHA256\">JI1qYdIGOLjlwCaTDD5gOaM85Flk/yFn9uzt1BnbBsE=</upd:AdditionalDigest></upd:File>"
    "<upd:File Digest=\"2jmj7l5rSw0yVb/vlWAYkK/YBwk=\" FileName=\"data.psf\" Size=\"0\" /></upd:Files>"
    "<upd:HandlerSpecificData xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"cmd:CommandLineInstallation\"><cmd:InstallCommand Program=\"x.exe\" /></upd:HandlerSpecificData>"
    "</upd:Update>";

static const char *tag(const struct su_update *u, const char *kind, size_t number)
{
    for (size_t i = 0; i < u->tags.count; i++)
        if (strcmp(u->tags.at[i].kind, kind) == 0 && number-- == 0)
            return u->tags.at[i].value;
    return NULL;
}

static void check_whole(const struct su_update *u)
{
    assert_guid(&u->id, "0f3412f2-3405-4d86-a0ff-0ede802227a8");
    assert_int_equal(u->revision, 200);
    assert_int_equal(u->type, SU_SOFTWARE);
    assert_false(u->is_expired);
    assert_true(u->is_deployable);
    assert_string_equal(u->created, "2024-01-11T20:15:45.051Z");
    assert_string_equal(u->severity, "Critical");
    assert_string_equal(u->default_language, "en");
    assert_string_equal(u->category_type, "");

    assert_string_equal(tag(u, "kb", 0), "5034123");
    assert_string_equal(tag(u, "bulletin", 0), "MS17-010");
    assert_string_equal(tag(u, "cve", 0), "CVE-2024-0001");
    assert_string_equal(tag(u, "cve", 1), "CVE-2024-0002");
    assert_null(tag(u, "cve", 2));
    assert_string_equal(tag(u, "language", 0), "en"); /* of the payload, not those of the titles */
    assert_null(tag(u, "language", 1));
    assert_string_equal(tag(u, "url", 0), "http://support.microsoft.com/help/5034123?a=1&b=2");
    assert_string_equal(tag(u, "support", 0), "http://support.microsoft.com");
    bool has_legacy = false, has_reboot = false;
    for (size_t i = 0; i < u->tags.count; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): every tag has a value */
        has_legacy |= strcmp(u->tags.at[i].value, "LegacyName=KB1 & KB2") == 0;
        has_reboot |= strcmp(u->tags.at[i].value, "InstallationBehavior.RebootBehavior=CanRequestReboot") == 0;
    }
    assert_true(has_legacy && has_reboot);

    assert_int_equal(u->localized.count, 2);
    assert_string_equal(u->localized.at[0].language, "de");
    assert_string_equal(u->localized.at[0].title, "Sicherheitsupdate f\xc3\xbcr Windows");
    assert_string_equal(u->localized.at[0].description, "");
    assert_string_equal(u->localized.at[1].title, "Security <Update>");
    assert_string_equal(u->localized.at[1].description, "A security issue\r\nwas found.");
    assert_string_equal(su_update_title(u), "Security <Update>");

    static const struct { unsigned clause; bool is_category; const char *id; } prerequisites[] = {
        {0, false, A1}, {1, false, A2}, {1, false, A5}, {2, true, A3}, {3, false, A4}};
    assert_int_equal(u->prerequisites.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(u->prerequisites.at[i].clause, prerequisites[i].clause);
        assert_int_equal(u->prerequisites.at[i].is_category, prerequisites[i].is_category);
        assert_guid(&u->prerequisites.at[i].id, prerequisites[i].id);
    }
    static const struct { unsigned clause; const char *id; uint32_t revision; } bundled[] = {{0, A1, 100}, {0, A1, UINT32_MAX}, {1, A4, 0}};
    assert_int_equal(u->bundled.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(u->bundled.at[i].clause, bundled[i].clause);
        assert_int_equal(u->bundled.at[i].revision, bundled[i].revision);
        assert_guid(&u->bundled.at[i].id, bundled[i].id);
    }
    assert_int_equal(u->superseded.count, 2);
    assert_guid(&u->superseded.at[0], A2);
    assert_guid(&u->superseded.at[1], A1);

    assert_int_equal(u->files.count, 3);
    const struct su_update_file *f = u->files.at; /* digests of "abc", of FIPS 180-4's second text, and of nothing */
    assert_hex(f[0].sha1, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_hex(f[0].sha256, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(f[0].is_licence && f[0].has_sha256 && !f[0].is_express);
    assert_string_equal(f[0].name, "eula.txt");
    assert_string_equal(f[0].language, "de");
    assert_int_equal(f[0].bytes, 3);
    assert_hex(f[1].sha1, 20, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    assert_hex(f[1].sha256, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_true(!f[1].is_licence && f[1].has_sha256 && !f[1].is_express);
    assert_string_equal(f[1].name, "windows10.0-kb5034123-x64.cab");
    assert_string_equal(f[1].language, "");
    assert_true(f[1].bytes == 5368709120u); /* more than 32 bits hold */
    assert_true(!f[2].has_sha256 && f[2].is_express);
    assert_int_equal(f[2].bytes, 0);
}

static void test_everything_once(void **state)
{
    (void)state;
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    parse(&u, whole);
    check_whole(&u);
    parse(&u, BEGIN IDENTITY PROPERTIES END); /* nothing of the document before is left */
    assert_int_equal(u.prerequisites.count + u.bundled.count + u.superseded.count + u.files.count + u.localized.count, 0);
    assert_null(tag(&u, "kb", 0));
    assert_string_equal(u.severity, "");
    assert_string_equal(u.created, "");
    assert_string_equal(u.default_language, "");
    assert_string_equal(su_update_title(&u), "");
    assert_false(u.is_deployable);
    parse(&u, whole);
    check_whole(&u);
}

/* Replaces every `from` in `text`. */
static char *replaced(const char *text, const char *from, const char *to)
{
    struct su_buf out = SU_BUF_INIT(100000);
    for (const char *at; (at = strstr(text, from)); text = at + strlen(from)) {
        su_buf_add(&out, text, (size_t)(at - text));
        su_buf_adds(&out, to);
    }
    su_buf_adds(&out, text);
    return out.bytes;
}

static void test_prefixes_do_not_matter(void **state)
{
    (void)state;
    static const struct { const char *declared, *used; } forms[] = {
        {"xmlns:u=\"" UPD_URI "\"", "u:"}, {"xmlns:pub2=\"" PUB_URI "\" xmlns:b=\"" UPD_URI "\"", "b:"},
        {"xmlns=\"" UPD_URI "\"", ""}, /* no prefix at all */
        {"xmlns=\"" PUB_URI "\" xmlns:upd=\"" UPD_URI "\"", "upd:"}, /* as 106 of 4,125 real documents begin */
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
        char *declared = replaced(whole, "xmlns:upd=\"" UPD_URI "\"", "@@");
        char *used = replaced(declared, "upd:", forms[i].used);
        char *xml = replaced(used, "@@", forms[i].declared);
        parse(&u, xml);
        check_whole(&u);
        free(declared);
        free(used);
        free(xml);
    }
}

static void test_names_of_other_namespaces_mean_nothing(void **state)
{
    (void)state;
    refuse("<Update><UpdateIdentity UpdateID=\"" A1 "\" RevisionNumber=\"1\"/><Properties UpdateType=\"Software\"/></Update>", SU_DATA);
    refuse("<Update xmlns=\"" PUB_URI "\"><UpdateIdentity UpdateID=\"" A1 "\" RevisionNumber=\"1\"/><Properties UpdateType=\"Software\"/></Update>", SU_DATA);
    refuse(BEGIN "<UpdateIdentity UpdateID=\"" A1 "\" RevisionNumber=\"1\"/>" PROPERTIES END, SU_DATA);
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    /* A namespace declared again on an inner element, and look-alikes beside the real ones. */
    parse(&u, BEGIN "<x:UpdateIdentity xmlns:x=\"urn:x\" UpdateID=\"" A2 "\" RevisionNumber=\"9\"/>" IDENTITY PROPERTIES
              "<Relationships xmlns=\"" UPD_URI "\"><Prerequisites><UpdateIdentity UpdateID=\"" A1 "\"/>"
              "<UpdateIdentity xmlns=\"urn:y\" UpdateID=\"" A2 "\"/></Prerequisites></Relationships>" END);
    assert_guid(&u.id, "0f3412f2-3405-4d86-a0ff-0ede802227a8");
    assert_int_equal(u.prerequisites.count, 1);
}

static void test_elements_count_only_in_their_place(void **state)
{
    (void)state;
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    parse(&u, BEGIN IDENTITY PROPERTIES
              "<upd:ApplicabilityRules><upd:Metadata><upd:UpdateIdentity UpdateID=\"bad\"/><upd:Files><upd:File/></upd:Files>"
              "<upd:Prerequisites><upd:UpdateIdentity UpdateID=\"" A1 "\"/></upd:Prerequisites></upd:Metadata></upd:ApplicabilityRules>"
              "<upd:Relationships><upd:Unknown><upd:UpdateIdentity UpdateID=\"" A1 "\"/></upd:Unknown>"
              "<upd:SupersededUpdates><upd:AtLeastOne><upd:UpdateIdentity UpdateID=\"" A1 "\"/></upd:AtLeastOne></upd:SupersededUpdates></upd:Relationships>"
              "<upd:LocalizedPropertiesCollection><upd:Title>stray</upd:Title></upd:LocalizedPropertiesCollection>" END);
    assert_int_equal(u.prerequisites.count, 0);
    assert_int_equal(u.superseded.count, 0);
    assert_int_equal(u.files.count, 0);
    assert_int_equal(u.localized.count, 0);
}

static void test_identity(void **state)
{
    (void)state;
    refuse(BEGIN PROPERTIES END, SU_DATA);
    refuse(BEGIN IDENTITY END, SU_DATA);
    refuse(BEGIN END, SU_DATA);
    refuse(BEGIN IDENTITY IDENTITY PROPERTIES END, SU_DATA);
    NAMES("two identities");
    refuse(BEGIN IDENTITY PROPERTIES PROPERTIES END, SU_DATA);
    static const char *const bad[] = {
        "", "UpdateID=\"" A1 "\"", "RevisionNumber=\"1\"", "UpdateID=\"{" A1 "}\" RevisionNumber=\"1\"", "UpdateID=\"\" RevisionNumber=\"1\"",
        "UpdateID=\"" A1 "0\" RevisionNumber=\"1\"", "UpdateID=\"" A1 "\" RevisionNumber=\"\"", "UpdateID=\"" A1 "\" RevisionNumber=\"-1\"",
        "UpdateID=\"" A1 "\" RevisionNumber=\"01\"", "UpdateID=\"" A1 "\" RevisionNumber=\"4294967296\"", "UpdateID=\"" A1 "\" RevisionNumber=\"1 \"",
        "UpdateID=\"1111111111111-1111-4111-8111-111111111\" RevisionNumber=\"1\"",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(10000);
        su_buf_addf(&xml, BEGIN "<upd:UpdateIdentity %s/>" PROPERTIES END, bad[i]);
        refuse(xml.bytes, SU_DATA);
    }
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    parse(&u, BEGIN "<upd:UpdateIdentity RevisionNumber=\"4294967295\" UpdateID=\"" A1 "\"/>" PROPERTIES END);
    assert_true(u.revision == UINT32_MAX);
}

static void test_types_and_states(void **state)
{
    (void)state;
    static const struct { const char *text; enum su_update_type type; } types[] = {
        {"Category", SU_CATEGORY}, {"Detectoid", SU_DETECTOID}, {"Software", SU_SOFTWARE}, {"Driver", SU_DRIVER}};
    for (size_t i = 0; i < 4; i++) {
        SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(10000);
        SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
        su_buf_addf(&xml, BEGIN IDENTITY "<upd:Properties UpdateType=\"%s\" PublicationState=\"%s\" ExplicitlyDeployable=\"%s\"/>" END, types[i].text,
                    i % 2 ? "Expired" : "Published", i == 3 ? "1" : i == 2 ? "true" : i == 1 ? "0" : "false");
        parse(&u, xml.bytes);
        assert_int_equal(u.type, types[i].type);
        assert_string_equal(su_update_type_text(u.type), types[i].text);
        assert_int_equal(u.is_expired, i % 2);
        assert_int_equal(u.is_deployable, i >= 2);
    }
    static const char *const bad[] = {"", "UpdateType=\"\"", "UpdateType=\"software\"", "UpdateType=\"Software \"", "UpdateType=\"Firmware\""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(10000);
        su_buf_addf(&xml, BEGIN IDENTITY "<upd:Properties %s/>" END, bad[i]);
        refuse(xml.bytes, SU_DATA);
    }
}

static void test_category(void **state)
{
    (void)state;
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    parse(&u, BEGIN IDENTITY "<upd:Properties UpdateType=\"Category\"/><upd:HandlerSpecificData xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
              " xsi:type=\"cat:Category\"><cat:CategoryInformation CategoryType=\"ProductFamily\" DisplayOrder=\"10\"/></upd:HandlerSpecificData>" END);
    assert_string_equal(u.category_type, "ProductFamily");
    parse(&u, BEGIN IDENTITY "<upd:Properties UpdateType=\"Category\"/><upd:HandlerSpecificData>"
              "<CategoryInformation xmlns=\"urn:other\" CategoryType=\"Product\"/></upd:HandlerSpecificData>" END);
    assert_string_equal(u.category_type, "");
}

static void test_targets_of_relations(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "<upd:Prerequisites><upd:UpdateIdentity/></upd:Prerequisites>",
        "<upd:Prerequisites><upd:UpdateIdentity UpdateID=\"x\"/></upd:Prerequisites>",
        "<upd:Prerequisites><upd:AtLeastOne><upd:UpdateIdentity UpdateID=\"" A1 "1\"/></upd:AtLeastOne></upd:Prerequisites>",
        "<upd:SupersededUpdates><upd:UpdateIdentity UpdateID=\"\"/></upd:SupersededUpdates>",
        "<upd:BundledUpdates><upd:UpdateIdentity UpdateID=\"" A1 "\"/></upd:BundledUpdates>", /* a bundle names the exact revision */
        "<upd:BundledUpdates><upd:UpdateIdentity UpdateID=\"" A1 "\" RevisionNumber=\"x\"/></upd:BundledUpdates>",
        "<upd:BundledUpdates><upd:AtLeastOne><upd:UpdateIdentity UpdateID=\"" A1 "\"/></upd:AtLeastOne></upd:BundledUpdates>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(10000);
        su_buf_addf(&xml, BEGIN IDENTITY PROPERTIES "<upd:Relationships>%s</upd:Relationships>" END, bad[i]);
        refuse(xml.bytes, SU_DATA);
    }
}

static void test_is_category_belongs_to_its_clause(void **state)
{
    (void)state;
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    parse(&u, BEGIN IDENTITY PROPERTIES "<upd:Relationships><upd:Prerequisites>"
              "<upd:AtLeastOne IsCategory=\"true\"><upd:UpdateIdentity UpdateID=\"" A1 "\"/></upd:AtLeastOne><upd:UpdateIdentity UpdateID=\"" A2 "\"/>"
              "<upd:AtLeastOne><upd:UpdateIdentity UpdateID=\"" A3 "\"/></upd:AtLeastOne>"
              "<upd:AtLeastOne IsCategory=\"1\"><upd:UpdateIdentity UpdateID=\"" A4 "\"/><upd:UpdateIdentity UpdateID=\"" A5 "\"/></upd:AtLeastOne>"
              "<upd:AtLeastOne IsCategory=\"false\"><upd:UpdateIdentity UpdateID=\"" A1 "\"/></upd:AtLeastOne>"
              "</upd:Prerequisites></upd:Relationships>" END);
    static const struct { unsigned clause; bool is_category; } want[] = {{0, true}, {1, false}, {2, false}, {3, true}, {3, true}, {4, false}};
    assert_int_equal(u.prerequisites.count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(u.prerequisites.at[i].clause, want[i].clause);
        assert_int_equal(u.prerequisites.at[i].is_category, want[i].is_category);
    }
}

/* Lists that come twice are ANDed, clause by clause: merging them would weaken what is demanded. */
static void test_second_lists_go_on_counting(void **state)
{
    (void)state;
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    parse(&u, BEGIN IDENTITY PROPERTIES "<upd:Relationships><upd:Prerequisites><upd:UpdateIdentity UpdateID=\"" A1 "\"/>"
              "<upd:AtLeastOne><upd:UpdateIdentity UpdateID=\"" A2 "\"/></upd:AtLeastOne></upd:Prerequisites>"
              "<upd:BundledUpdates><upd:UpdateIdentity UpdateID=\"" A4 "\" RevisionNumber=\"1\"/></upd:BundledUpdates>"
              "<upd:Prerequisites><upd:UpdateIdentity UpdateID=\"" A3 "\"/></upd:Prerequisites></upd:Relationships>"
              "<upd:Relationships><upd:Prerequisites><upd:UpdateIdentity UpdateID=\"" A4 "\"/></upd:Prerequisites>"
              "<upd:BundledUpdates><upd:UpdateIdentity UpdateID=\"" A5 "\" RevisionNumber=\"1\"/></upd:BundledUpdates></upd:Relationships>" END);
    assert_int_equal(u.prerequisites.count, 4);
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(u.prerequisites.at[i].clause, u.prerequisites.at[k].clause);
    assert_int_equal(u.bundled.count, 2);
    assert_int_not_equal(u.bundled.at[0].clause, u.bundled.at[1].clause);
}

static void test_files(void **state)
{
    (void)state;
#define SHA1_TEXT "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="
#define SHA256_TEXT "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    static const char *const bad[] = {
        "<upd:File FileName=\"a\" Size=\"1\"/>", "<upd:File Digest=\"\" Size=\"1\"/>",
        "<upd:File Digest=\"qZk+NkcGgWq6PiVxeFDCbJzQ2J1=\" Size=\"1\"/>",  /* bits beyond the 20 bytes */
        "<upd:File Digest=\"" SHA256_TEXT "\" Size=\"1\"/>", "<upd:File Digest=\"a9993e364706816aba3e25717850c26c9cd0d89d\" Size=\"1\"/>",
        "<upd:File Digest=\"" SHA1_TEXT "\"/>", "<upd:File Digest=\"" SHA1_TEXT "\" Size=\"\"/>", "<upd:File Digest=\"" SHA1_TEXT "\" Size=\"-1\"/>",
        "<upd:File Digest=\"" SHA1_TEXT "\" Size=\"9223372036854775808\"/>", "<upd:File Digest=\"" SHA1_TEXT "\" Size=\"1.5\"/>",
        "<upd:File Digest=\"" SHA1_TEXT "\" Size=\"1\"><upd:AdditionalDigest Algorithm=\"SHA256\"/></upd:File>",
        "<upd:File Digest=\"" SHA1_TEXT "\" Size=\"1\"><upd:AdditionalDigest Algorithm=\"SHA256\">" SHA1_TEXT "</upd:AdditionalDigest></upd:File>",
        "<upd:File Digest=\"" SHA1_TEXT "\" Size=\"1\"><upd:AdditionalDigest Algorithm=\"SHA256\">" SHA256_TEXT "</upd:AdditionalDigest>"
        "<upd:AdditionalDigest Algorithm=\"SHA256\">" SHA256_TEXT "</upd:AdditionalDigest></upd:File>", /* which one would count? */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(10000);
        su_buf_addf(&xml, BEGIN IDENTITY PROPERTIES "<upd:Files>%s</upd:Files>" END, bad[i]);
        refuse(xml.bytes, SU_DATA);
    }
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    parse(&u, BEGIN IDENTITY PROPERTIES "<upd:Files><upd:File Digest=\"" SHA1_TEXT "\" Size=\"9223372036854775807\" PatchingType=\"Express\">"
              "<upd:AdditionalDigest Algorithm=\"SHA512\">whatever</upd:AdditionalDigest></upd:File>"
              "<upd:File Digest=\"" SHA1_TEXT "\" Size=\"1\" FileName=\"x.psf.cab\" PatchingType=\"SelfContained\"/></upd:Files>" END);
    assert_int_equal(u.files.count, 2);
    assert_true(u.files.at[0].bytes == INT64_MAX && u.files.at[0].is_express && !u.files.at[0].has_sha256);
    assert_string_equal(u.files.at[0].name, "");
    assert_false(u.files.at[1].is_express);
}

static void test_title_fallback(void **state)
{
    (void)state;
#define L(language, title) "<upd:LocalizedProperties><upd:Language>" language "</upd:Language><upd:Title>" title "</upd:Title></upd:LocalizedProperties>"
    static const struct { const char *language, *localized, *title; } cases[] = {
        {"de", L("en", "English") L("de", "Deutsch"), "Deutsch"}, {"fr", L("de", "Deutsch") L("en", "English"), "English"},
        {"fr", L("de", "Deutsch") L("it", "Italiano"), "Deutsch"}, {"", L("ja", "\xe6\x97\xa5\xe6\x9c\xac") , "\xe6\x97\xa5\xe6\x9c\xac"}, {"en", "", ""},
        {"en", "<upd:LocalizedProperties><upd:Title><![CDATA[a<b]]>&amp;<!-- - -->c</upd:Title><upd:Language>en</upd:Language></upd:LocalizedProperties>", "a<b&c"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(10000);
        SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
        su_buf_addf(&xml, BEGIN IDENTITY "<upd:Properties UpdateType=\"Software\" DefaultPropertiesLanguage=\"%s\"/><upd:LocalizedPropertiesCollection>%s"
                    "</upd:LocalizedPropertiesCollection>" END, cases[i].language, cases[i].localized);
        parse(&u, xml.bytes);
        assert_string_equal(su_update_title(&u), cases[i].title);
    }
}

static void test_not_a_document(void **state)
{
    (void)state;
    refuse("", SU_DATA);
    refuse("<a/>", SU_DATA);
    NAMES("a");
    refuse("<upd:Updates xmlns:upd=\"" UPD_URI "\"/>", SU_DATA);
    refuse(BEGIN IDENTITY PROPERTIES, SU_DATA);
    refuse(BEGIN IDENTITY PROPERTIES END END, SU_DATA);
    refuse("<!DOCTYPE x>" BEGIN IDENTITY PROPERTIES END, SU_DATA);
    refuse(BEGIN IDENTITY "<upd:Properties UpdateType=\"Software\" LegacyName=\"\xff\"/>" END, SU_DATA);
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    for (size_t cut = 0; cut + 1 < sizeof whole; cut += 3) {
        su_err_clear(&e);
        assert_int_equal(su_update_parse(&u, whole, cut, &e), -1);
        assert_true(e.text[0] != 0);
    }
}

static void with_description(struct su_buf *xml, size_t length)
{
    su_buf_adds(xml, BEGIN IDENTITY PROPERTIES "<upd:LocalizedPropertiesCollection><upd:LocalizedProperties><upd:Description>");
    char *to = su_buf_reserve(xml, length);
    assert_non_null(to);
    memset(to, 'd', length);
    su_buf_grow_by(xml, length);
    su_buf_adds(xml, "</upd:Description></upd:LocalizedProperties></upd:LocalizedPropertiesCollection>" END);
    GOOD(su_buf_check(xml, "xml", &e));
}

static void test_text_at_its_limit(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf limit = SU_BUF_INIT(2 * SU_MAX_XML_TEXT_BYTES), past = SU_BUF_INIT(2 * SU_MAX_XML_TEXT_BYTES);
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    with_description(&limit, SU_MAX_XML_TEXT_BYTES);
    GOOD(su_update_parse(&u, limit.bytes, limit.length, &e));
    assert_int_equal(strlen(u.localized.at[0].description), SU_MAX_XML_TEXT_BYTES);
    with_description(&past, SU_MAX_XML_TEXT_BYTES + 1);
    REFUSED(su_update_parse(&u, past.bytes, past.length, &e), SU_LIMIT);
}

static void test_document_at_its_limit(void **state)
{
    (void)state;
    static const char head[] = BEGIN IDENTITY PROPERTIES;
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    size_t length = SU_MAX_DOCUMENT_BYTES;
    char *xml = malloc(length + 1);
    assert_non_null(xml);
    memset(xml, ' ', length + 1);
    memcpy(xml, head, sizeof head - 1);
    memcpy(xml + length - strlen(END), END, strlen(END));
    GOOD(su_update_parse(&u, xml, length, &e));
    REFUSED(su_update_parse(&u, xml, length + 1, &e), SU_LIMIT);
    free(xml);
}

/* A document far below its own limit that asks for more memory than its arena may give. */
static void test_arena_at_its_limit(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf element = SU_BUF_INIT(100000);
    SU_AUTO(su_update) struct su_update u = SU_UPDATE_INIT;
    su_buf_adds(&element, "<upd:UninstallationBehavior");
    for (unsigned i = 0; i < SU_MAX_XML_ATTRIBUTES; i++)
        su_buf_addf(&element, " attributewithanameofsomelengthtofillupthearena%02u=\"\"", i);
    su_buf_adds(&element, "/>");
    size_t each = SU_MAX_XML_ATTRIBUTES * 80, fits = SU_MAX_UPDATE_ARENA_BYTES / each - 1; /* 73 bytes and NUL, in pieces of 16 */
    struct su_buf xml = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES);
    su_buf_adds(&xml, BEGIN IDENTITY "<upd:Properties UpdateType=\"Software\">");
    size_t start = xml.length;
    for (size_t i = 0; i < fits; i++)
        su_buf_add(&xml, element.bytes, element.length);
    su_buf_adds(&xml, "</upd:Properties>" END);
    GOOD(su_buf_check(&xml, "xml", &e));
    assert_true(xml.length < SU_MAX_DOCUMENT_BYTES);
    GOOD(su_update_parse(&u, xml.bytes, xml.length, &e));
    xml.length = start + fits * element.length;
    su_buf_add(&xml, element.bytes, element.length);
    su_buf_add(&xml, element.bytes, element.length);
    su_buf_adds(&xml, "</upd:Properties>" END);
    REFUSED(su_update_parse(&u, xml.bytes, xml.length, &e), SU_LIMIT);
    su_buf_cleanup(&xml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_once),
        cmocka_unit_test(test_prefixes_do_not_matter),
        cmocka_unit_test(test_names_of_other_namespaces_mean_nothing),
        cmocka_unit_test(test_elements_count_only_in_their_place),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_types_and_states),
        cmocka_unit_test(test_category),
        cmocka_unit_test(test_targets_of_relations),
        cmocka_unit_test(test_is_category_belongs_to_its_clause),
        cmocka_unit_test(test_second_lists_go_on_counting),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_title_fallback),
        cmocka_unit_test(test_not_a_document),
        cmocka_unit_test(test_text_at_its_limit),
        cmocka_unit_test(test_document_at_its_limit),
        cmocka_unit_test(test_arena_at_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
