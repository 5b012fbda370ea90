/* The packages in a vendor's XML (vendor_split.c). */
#include "helpers.h"

#include "common/catalogue/sdp_parse.h"
#include "common/source/vendor/vendor_split.h"

#define A1 "11111111-1111-4111-8111-111111111111"
#define A2 "22222222-2222-4222-8222-222222222222"

struct got {
    char text[4][2000];
    struct su_vendor_package packages[4];
    size_t count;
};

static int take(void *context, const struct su_vendor_package *package, struct su_err *err)
{
    struct got *g = context;
    (void)err;
    assert_true(g->count < 4 && package->bytes < sizeof g->text[0]);
    memcpy(g->text[g->count], package->document, package->bytes);
    g->text[g->count][package->bytes] = 0;
    g->packages[g->count++] = *package;
    return 0;
}

static int split(struct got *g, const char *text, size_t length, size_t piece)
{
    *g = (struct got){.count = 0};
    SU_AUTO(su_vendor_split) struct su_vendor_split *s = su_vendor_split_new(take, g, &e);
    assert_non_null(s);
    for (size_t at = 0; at < length; at += piece)
        if (su_vendor_split_feed(s, text + at, length - at < piece ? length - at : piece, &e) < 0)
            return -1;
    return su_vendor_split_finish(s, &e);
}

#define PROPERTIES(id) "<sdp:Properties PackageID=\"" id "\" CreationDate=\"2019-01-01T00:00:00\"/>"
#define FIRST                                                                                                \
    "<c:SoftwareDistributionPackage\tSchemaVersion='1.0' >\r\n" PROPERTIES(                                  \
        A1) "<sdp:Title>a &gt; b \xc3\xbc<!-- </c:SoftwareDistributionPackage> --></sdp:Title>"              \
            "<![CDATA[</c:SoftwareDistributionPackage>]]></c:SoftwareDistributionPackage >"
#define SECOND                                                                                               \
    "<SoftwareDistributionPackage xmlns=\"" SU_SMC_URI                                                       \
    "\" xmlns:q=\"urn:own\">" PROPERTIES(A2) "<q:x/></SoftwareDistributionPackage>"
static const char catalogue[] =
    "\xef\xbb\xbf<?xml version=\"1.0\"?><!-- <c:SoftwareDistributionPackage> "
    "-->\r\n<c:SystemsManagementCatalog xmlns:c=\"" SU_SMC_URI
    "\" xmlns=\"urn:a&amp;b\" xmlns:sdp=\"" SU_SDP_URI "\" xmlns:q=\"urn:q\">\n" FIRST
    "\n<c:Other><c:SoftwareDistributionPackage/></c:Other>" SECOND "</c:SystemsManagementCatalog>\n";

/* In pieces of every length: elements as they are, with the root's declarations they do not make themselves.
 */
static void test_catalogue(void **state)
{
    static struct got g;
    (void)state;
    for (size_t piece = 1; piece < sizeof catalogue; piece++) {
        GOOD(split(&g, catalogue, sizeof catalogue - 1, piece));
        assert_int_equal(g.count, 2);
        assert_string_equal(
            g.text[0],
            "<c:SoftwareDistributionPackage xmlns:c=\"" SU_SMC_URI
            "\" xmlns=\"urn:a&amp;b\" xmlns:sdp=\"" SU_SDP_URI "\" xmlns:q=\"urn:q\""
            "\tSchemaVersion='1.0' >\r\n" PROPERTIES(
                A1) "<sdp:Title>a &gt; b \xc3\xbc<!-- </c:SoftwareDistributionPackage> --></sdp:Title>"
                    "<![CDATA[</c:SoftwareDistributionPackage>]]></c:SoftwareDistributionPackage >");
        assert_string_equal(g.text[1],
                            "<SoftwareDistributionPackage xmlns:c=\"" SU_SMC_URI "\" xmlns:sdp=\"" SU_SDP_URI
                            "\" xmlns=\"" SU_SMC_URI
                            "\" xmlns:q=\"urn:own\">" PROPERTIES(A2) "<q:x/></SoftwareDistributionPackage>");
        char id[SU_GUID_TEXT];
        assert_string_equal(su_guid_format(&g.packages[1].id, id), A2);
        assert_string_equal(g.packages[0].created, "2019-01-01T00:00:00");
        assert_false(g.packages[0].is_whole);
    }
}

static void test_single(void **state)
{
    static struct got g;
    static const char text[] =
        "\xef\xbb\xbf <!-- a --><sdp:SoftwareDistributionPackage xmlns:sdp=\"" SU_SDP_URI
        "\">" PROPERTIES(A1) "</sdp:SoftwareDistributionPackage>\r\n";
    (void)state;
    for (size_t piece = 1; piece < sizeof text; piece++) {
        GOOD(split(&g, text, sizeof text - 1, piece));
        assert_int_equal(g.count, 1);
        assert_string_equal(g.text[0], text);
        assert_true(g.packages[0].is_whole);
    }
}

static void test_refused(void **state)
{
    static struct got g;
    static const struct {
        const char *text, *names;
    } bad[] = {
        {"", ""},
        {"<a/>", "neither a package nor a catalogue"},
        {"<SystemsManagementCatalog/>", "neither"},
        {"<c:SystemsManagementCatalog xmlns:c=\"" SU_SMC_URI
         "\"><c:SoftwareDistributionPackage/></c:SystemsManagementCatalog>",
         "no Properties"},
        {"<c:SystemsManagementCatalog xmlns:c=\"" SU_SMC_URI "\" xmlns:sdp=\"" SU_SDP_URI
         "\"><c:SoftwareDistributionPackage><sdp:Properties/></c:SoftwareDistributionPackage></"
         "c:SystemsManagementCatalog>",
         "no valid PackageID"},
        {"<c:SystemsManagementCatalog xmlns:c=\"" SU_SMC_URI "\" xmlns:sdp=\"" SU_SDP_URI
         "\"><c:SoftwareDistributionPackage>" PROPERTIES(
             "x") "</c:SoftwareDistributionPackage></c:SystemsManagementCatalog>",
         "no valid PackageID"},
        {"<sdp:SoftwareDistributionPackage xmlns:sdp=\"" SU_SDP_URI
         "\"><sdp:a>" PROPERTIES(A1) "</sdp:a></sdp:SoftwareDistributionPackage>",
         "no Properties"},
        {"<!DOCTYPE a><a/>", "document type"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        REFUSED(split(&g, bad[i].text, strlen(bad[i].text), 7), SU_DATA);
        NAMES(bad[i].names);
        assert_int_equal(g.count, 0);
    }
    for (size_t cut = 0; cut < sizeof catalogue - 2; cut++) /* nowhere is a cut catalogue a whole one */
        REFUSED(split(&g, catalogue, cut, 64), SU_DATA);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_catalogue), cmocka_unit_test(test_single),
                                              cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
