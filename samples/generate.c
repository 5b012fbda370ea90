/*
 * generate.c - invents what a connected update server would export, for demonstrations and tests.
 *
 *   generate --out DIR [--updates N] [--content-bytes B] [--month 1|2] [--seed S] [--inside]
 *   generate --out DIR --small [--month 1|2] [--seed S] [--inside]
 *
 * N is 50 or more, by default 2000; B is 0 (licence terms only) or 100000 and more, by default
 * 64000000; the seed is 1. Licence terms come on top of B.
 *
 * Writes DIR/package.xml, DIR/metadata.txt and DIR/WsusContent/<FF>/<SHA1>.<ext>. Every byte is a
 * function of the options: no clock, no locale, no chance. First a plan is made, one small record
 * per update and per file; then each document is written from its record, the seed and its number
 * alone, so month 2 repeats the unchanged documents of month 1 byte for byte. --small is a table
 * of readable updates instead of a drawn catalogue. All names, titles and texts are invented; only
 * the identifiers and titles of the classifications are the well-known ones. --inside puts the
 * documents into package.xml too, each as the text of an element Xml of its Update.
 *
 * The last line of output counts what was written; "metadata_bytes" is the size of metadata.txt.
 */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define NS "http://schemas.microsoft.com/msus/2002/12/"
#define BAR " xmlns:bar=\"" NS "BaseApplicabilityRules\" />"
#define SITE "https://support.fabrikam.example/"
#define NONE UINT32_MAX
enum { CHUNK = 1 << 20, FIRST_KB = 5100000 };

enum kind { COMPANY, CLASSIFICATION, FAMILY, PRODUCT, DETECTOID, LEAF, HIDDEN, BUNDLE, DRIVER,
            SINGLE /* a leaf that is deployed by itself; small catalogue only */ };
enum change { SAME, NEW, REVISED, EXPIRED, REMOVED, ENDINGS }; /* what month 2 brings */

struct update {
    char id[37];
    uint64_t noise;          /* for whatever varies between documents */
    const char *title;       /* NULL: drawn */
    uint32_t parent;         /* category above; of software and drivers, the product */
    uint32_t classification; /* index of that update */
    uint32_t previous;       /* the one before it in its line of supersedence, or NONE */
    uint32_t superseded;     /* how many of that line it supersedes */
    uint32_t file, files;    /* its content files */
    uint32_t bulk;           /* least size of its rules */
    uint32_t which;          /* of a classification, the entry of CLASSES */
    uint32_t revision;       /* the first revision number */
    uint32_t revisions;      /* how many there are in month 1 */
    uint8_t kind, change, languages, licence; /* licence: number of its terms + 1, or 0 */
    bool is_expired, is_alternative, is_multiline;
};

struct file {
    char sha1[29], sha256[45], hex[41]; /* base64, base64, and the SHA-1 in upper-case hex */
    uint64_t size;
    uint32_t owner;              /* the update, or the licence terms (TXT), it was made for */
    uint8_t extension, language; /* language: of licence terms */
    bool is_used;
};

struct catalogue {
    uint64_t seed;
    bool is_small, is_month_2;
    struct update *updates;
    struct file *files;
    uint32_t update_count, file_count, licences, licence_files, first_product, products;
    uint32_t lines[64]; /* newest bundle of each line of supersedence */
    char product_titles[50][48];
};

struct document { /* one revision of one update, being written to `to` */
    const struct catalogue *c;
    const struct update *u;
    uint32_t index, ordinal; /* ordinal: 0 is the update's first revision */
    FILE *to;
};

struct rng { uint64_t state; };

static const struct { const char *title, *id, *url, *word; } CLASSES[] = {
    { "Security Updates", "0fa1201d-4330-4fa8-8ae9-b877473b6441", "secu", "Security Update" },
    { "Critical Updates", "e6cf1350-c01b-414d-a61f-263d14d133b4", "crup", "Critical Update" },
    { "Update Rollups", "28bc880e-0592-4cbf-8f95-c79b17911d5f", "uprl", "Monthly Rollup" },
    { "Definition Updates", "e0789628-ce08-4437-be74-2495b842f43b", "defu", "Definition Update" },
    { "Drivers", "ebfc1fc5-71a4-4f7b-9aca-3b9a503104a0", "drvs", "Driver" },
    { "Updates", "cd5ffd1e-e932-4e3a-bf74-18bf0b1bbd83", "updt", "Update" },
    { "Feature Packs", "b54e7d24-7add-428f-8b75-90a396fa584f", "ftpk", "Feature Pack" },
    { "Service Packs", "68c5b0a3-d1a6-4553-ae49-01d3a7827828", "svpk", "Service Pack" },
    { "Tools", "b4832bd8-e735-4761-8daf-37f882276dab", "tool", "Removal Tool" },
    { "Driver Sets", "77835c8d-62a7-41f5-82ad-f28d1af1e3b1", "drvs", "Driver Set" },
    { "Upgrades", "3689bdc8-b205-4af4-8d4a-a63924c5e9d5", "upgr", "Upgrade" },
    { "Applications", "5c9376ab-8ce6-464a-b136-22113dd69801", "appl", "Application Update" },
};
enum { SECURITY_CLASS = 0, DRIVER_CLASS = 4, FIRST_CLASS = 2 /* after the two companies */ };

/* All languages of package.xml; documents are written in those that have words here. */
static const struct {
    unsigned id;
    const char *code, *name, *before, *after, *description;
} LANGUAGES[] = {
    { 0, "all", "all", 0, 0, 0 },
    { 1025, "ar", "Arabic", "تحديث ", "", "يعالج هذا التحديث أخطاء في المنتج." },
    { 1026, "bg", "Bulgarian", "Актуализация за ", "", "Тази актуализация отстранява грешки." },
    { 1028, "zh-tw", "Chinese (Traditional)", "", " 的更新程式", "此更新修正產品中的錯誤。" },
    { 1029, "cs", "Czech", "Aktualizace pro ", "", "Aktualizace odstraňuje chyby produktu." },
    { 1030, "da", "Danish", "Opdatering til ", "", "Opdateringen retter fejl i produktet." },
    { 1031, "de", "German", "Update für ", "", "Dieses Update behebt Fehler im Produkt." },
    { 1032, "el", "Greek", "Ενημέρωση για ", "", "Η ενημέρωση διορθώνει σφάλματα." },
    { 1033, "en", "English", "Update for ", "", "This update corrects faults of the product." },
    { 1034, "es", "Spanish", "Actualización para ", "", "La actualización corrige errores." },
    { 1035, "fi", "Finnish", "Päivitys: ", "", "Päivitys korjaa tuotteen virheitä." },
    { 1036, "fr", "French", "Mise à jour pour ", "", "La mise à jour corrige des défauts." },
    { 1037, "he", "Hebrew", "עדכון עבור ", "", "עדכון זה מתקן שגיאות במוצר." },
    { 1038, "hu", "Hungarian", "Frissítés: ", "", "A frissítés a termék hibáit javítja." },
    { 1040, "it", "Italian", "Aggiornamento per ", "", "L'aggiornamento corregge difetti." },
    { 1041, "ja", "Japanese", "", " 用の更新プログラム", "この更新は製品の不具合を修正します。" },
    { 1042, "ko", "Korean", "", "용 업데이트", "이 업데이트는 제품의 오류를 수정합니다." },
    { 1043, "nl", "Dutch", "Update voor ", "", "De update verhelpt fouten in het product." },
    { 1044, "no", "Norwegian", "Oppdatering for ", "", "Oppdateringen retter feil i produktet." },
    { 1045, "pl", "Polish", "Aktualizacja dla ", "", "Aktualizacja usuwa błędy produktu." },
    { 1046, "pt-br", "Portuguese (Brazil)", "Atualização para ", "", "Corrige falhas do produto." },
    { 1048, "ro", "Romanian", "Actualizare pentru ", "", "Actualizarea corectează erori." },
    { 1049, "ru", "Russian", "Обновление для ", "", "Обновление исправляет ошибки продукта." },
    { 1050, "hr", "Croatian", 0, 0, 0 }, { 1051, "sk", "Slovak", 0, 0, 0 },
    { 1053, "sv", "Swedish", "Uppdatering för ", "", "Uppdateringen rättar fel i produkten." },
    { 1054, "th", "Thai", "การปรับปรุงสำหรับ ", "", "การปรับปรุงนี้แก้ไขข้อผิดพลาด" },
    { 1055, "tr", "Turkish", "", " için güncelleştirme", "Üründeki hataları giderir." },
    { 1058, "uk", "Ukrainian", "Оновлення для ", "", "Оновлення виправляє помилки продукту." },
    { 1060, "sl", "Slovenian", 0, 0, 0 }, { 1061, "et", "Estonian", 0, 0, 0 },
    { 1062, "lv", "Latvian", 0, 0, 0 }, { 1063, "lt", "Lithuanian", 0, 0, 0 },
    { 1081, "hi", "Hindi", "अद्यतन: ", "", "यह अद्यतन उत्पाद की त्रुटियाँ ठीक करता है।" },
    { 2052, "zh-cn", "Chinese (Simplified)", "", " 的更新程序", "此更新修复产品中的错误。" },
    { 2070, "pt", "Portuguese (Portugal)", "Actualização para ", "", "Corrige erros do produto." },
    { 2074, "sr", "Serbian (Latin)", 0, 0, 0 },
    { 3076, "zh-hk", "Chinese (Hong Kong SAR)", 0, 0, 0 },
    { 66577, "ja-nec", "Japanese NEC", 0, 0, 0 },
};
enum { GERMAN = 6, ENGLISH = 8, TRANSLATED = 29 };

static const struct { const char *code, *title, *sentence; } LICENCES[] = {
    { "en", "FABRIKAM LICENCE TERMS", "You may use this update on every computer that holds a "
      "valid licence of the product; no warranty is given." },
    { "de", "FABRIKAM LIZENZBESTIMMUNGEN", "Sie dürfen dieses Update auf jedem Computer mit "
      "gültiger Lizenz des Produkts verwenden; es wird keine Gewähr übernommen." },
};

enum { CAB, MSU, EXE, MSP, TXT };
static const char *const EXTENSIONS[] = { "cab", "msu", "exe", "msp", "txt" };
enum { DRIVER_HANDLER = MSP + 1, CATEGORY_HANDLER };
static const struct { const char *name, *prefix, *data; } HANDLERS[] = { /* first by extension */
    { "Cbs", "cbs", "<cbs:CbsData PackageIdentity=\"\" />" },
    { "Cbs", "cbs", "<cbs:CbsData PackageIdentity=\"\" />" },
    { "CommandLineInstallation", "cmd", "<cmd:InstallCommand Program=\"setup.exe\" Arguments=\"/q"
      "\"><cmd:ReturnCode Code=\"0\" Result=\"Succeeded\" /></cmd:InstallCommand>" },
    { "WindowsInstaller", "msp", "<msp:MspData CommandLine=\"QUIET=1\" />" },
    { "WindowsDriver", "drv", "" },
    { "Category", "cat", "" },
};

static const char *const FAMILIES[] = {
    "Fabrikam Server", "Fabrikam Desktop", "Fabrikam Database", "Fabrikam Mail",
    "Contoso Imaging &amp; Print", "Fabrikam Office", "Fabrikam Runtime", "Fabrikam Antivirus",
    "Fabrikam Browser", "Contoso Café",
};
static const char *const YEARS[] = { "2012", "2016", "2019", "2022", "2025" };
static const char *const ARCHITECTURES[] = { "x64", "x86", "arm64" };
static const char *const SEVERITIES[] = { "Critical", "Important", "Moderate", "Low" };
static const char *const WORDS[] = {
    "Servicing", "Setup", "Network", "Storage", "Shell", "Policy", "Graphics", "Kernel", "Fonts",
    "Cluster", "Mail", "Search", "Printing", "Signatures", "Telemetry", "Runtime", "Update",
    "Security", "Backup", "Browser", "Directory", "Components", "Licensing", "Media",
};
static const char *const COMPARISONS[] = {
    "LessThan", "LessThanOrEqualTo", "EqualTo", "GreaterThanOrEqualTo", "GreaterThan",
};
static const char *const DETECTOID_TYPES[] = {
    "Architecture", "Service Pack", "SKU or Feature", "Application Locale", "WMI Detection",
};

/* The small catalogue. A bundle takes the leaves, or the hidden bundle, just above it. */
enum { R_FABRIKAM, R_SECURITY, R_CRITICAL, R_ROLLUP, R_DEFINITION, R_DRIVERS, R_SERVER, R_DESKTOP,
       SERVER_2025, SERVER_2022, DESKTOP_11, DESKTOP_10 };
#define ROW(k, up, text) .kind = k, .parent = up, .title = text
#define ROW_IN(k, up, class, text) ROW(k, up, text), .classification = class
#define RIGHT_TO_LEFT "\xE2\x80\xAE"
static const struct row {
    enum kind kind;
    uint32_t parent, classification; /* rows; of a classification: its entry of CLASSES */
    const char *title;
    uint32_t sizes[2]; /* of its files */
    uint8_t line;      /* of supersedence: a bundle replaces all earlier ones of its line */
    uint8_t more;      /* further revisions */
    enum change change;
    bool is_expired, is_alternative, is_multiline, has_licence, shares_file;
} SMALL[] = {
    { ROW(COMPANY, 0, "Fabrikam") },
    { ROW_IN(CLASSIFICATION, 0, 0, NULL), .more = 1 },
    { ROW_IN(CLASSIFICATION, 0, 1, NULL) },
    { ROW_IN(CLASSIFICATION, 0, 2, NULL) },
    { ROW_IN(CLASSIFICATION, 0, 3, NULL) },
    { ROW_IN(CLASSIFICATION, 0, 4, NULL) },
    { ROW(FAMILY, R_FABRIKAM, "Fabrikam Server") },
    { ROW(FAMILY, R_FABRIKAM, "Fabrikam Desktop") },
    { ROW(PRODUCT, R_SERVER, "Fabrikam Server 2025") },
    { ROW(PRODUCT, R_SERVER, "Fabrikam Server 2022") },
    { ROW(PRODUCT, R_DESKTOP, "Fabrikam Desktop 11") },
    { ROW(PRODUCT, R_DESKTOP, "Fabrikam Desktop 10") },
    { ROW(DETECTOID, 0, "Computers with an x64 processor") },
    { ROW(DETECTOID, 0, "Computers with an ARM64 processor") },
    { ROW(DETECTOID, 0, "Fabrikam Server without desktop") },
    { ROW(DETECTOID, 0, "Fabrikam Desktop, German language pack"), .is_multiline = true },
    { ROW(DETECTOID, 0, "Fabrikam servicing stack 26100 or later") },
    { ROW_IN(LEAF, SERVER_2025, R_SECURITY, "HIDDEN: Server 2025, 2026-08"), .sizes = { 180000 } },
    { ROW_IN(BUNDLE, SERVER_2025, R_SECURITY,
             "2026-08 Cumulative Security Update for Fabrikam Server 2025"), .line = 1 },
    { ROW_IN(LEAF, SERVER_2025, R_SECURITY, "HIDDEN: Server 2025, 2026-09"), .sizes = { 210000 } },
    { ROW_IN(BUNDLE, SERVER_2025, R_SECURITY,
             "2026-09 Cumulative Security Update for Fabrikam Server 2025"), .line = 1, .more = 1 },
    { ROW_IN(LEAF, SERVER_2025, R_SECURITY, "HIDDEN: Server 2025, 2026-10"),
      .sizes = { 1500000, 40000 } },
    { ROW_IN(LEAF, SERVER_2025, R_SECURITY, "HIDDEN: Server 2025, boot"), .sizes = { 65000 } },
    { ROW_IN(BUNDLE, SERVER_2025, R_SECURITY,
             "2026-10 Cumulative Security Update for Fabrikam Server 2025"), .line = 1 },
    { ROW_IN(LEAF, DESKTOP_11, R_CRITICAL, "HIDDEN: Desktop 11, media"), .sizes = { 260000 },
      .is_multiline = true, .change = ENDINGS },
    { ROW_IN(BUNDLE, DESKTOP_11, R_CRITICAL, "Critical Update for Fabrikam Desktop 11 media"),
      .has_licence = true },
    { ROW_IN(LEAF, DESKTOP_11, R_DEFINITION, "HIDDEN: Definitions, full"), .sizes = { 95000 } },
    { ROW_IN(LEAF, DESKTOP_11, R_DEFINITION, "HIDDEN: Definitions, delta"), .sizes = { 21000 } },
    { ROW_IN(BUNDLE, DESKTOP_11, R_DEFINITION, "Definition Update 1.459 for Fabrikam Antivirus"),
      .is_alternative = true, .change = REVISED },
    { ROW_IN(LEAF, SERVER_2022, R_ROLLUP, "HIDDEN: Server 2022, part 1"), .sizes = { 150000 } },
    { ROW_IN(LEAF, SERVER_2022, R_ROLLUP, "HIDDEN: Server 2022, part 2"), .shares_file = true },
    { ROW_IN(HIDDEN, SERVER_2022, R_ROLLUP, "HIDDEN: Server 2022, all parts") },
    { ROW_IN(BUNDLE, SERVER_2022, R_ROLLUP, "2026-10 Update Rollup for Fabrikam Server 2022") },
    { ROW_IN(LEAF, DESKTOP_10, R_SECURITY, "HIDDEN: Desktop 10, fonts"), .sizes = { 70000 } },
    { ROW_IN(BUNDLE, DESKTOP_10, R_SECURITY, "Security Update for Fabrikam Desktop 10 fonts"),
      .is_expired = true },
    { ROW_IN(LEAF, DESKTOP_11, R_CRITICAL, "HIDDEN: Desktop 11, pictures"), .sizes = { 120000 } },
    { ROW_IN(BUNDLE, DESKTOP_11, R_CRITICAL,
             "Critical Update for Desktop 11 viewer " RIGHT_TO_LEFT "gpj.exe \U0001F6E1") },
    { ROW_IN(LEAF, SERVER_2022, R_CRITICAL, "HIDDEN: Server 2022, cluster"), .sizes = { 130000 } },
    { ROW_IN(BUNDLE, SERVER_2022, R_CRITICAL, "Critical Update for Fabrikam Server 2022 clusters"),
      .change = EXPIRED },
    { ROW_IN(DRIVER, DESKTOP_11, R_DRIVERS, "Fabrikam - Network - 26.10.0.7"), .sizes = { 85000 } },
    { ROW_IN(SINGLE, DESKTOP_10, R_CRITICAL, "Malware cleanup tool for Fabrikam Desktop 10"),
      .sizes = { 110000 }, .change = REMOVED },
    { ROW_IN(LEAF, SERVER_2025, R_SECURITY, "HIDDEN: Server 2025, 2026-11"), .sizes = { 400000 },
      .change = NEW },
    { ROW_IN(BUNDLE, SERVER_2025, R_SECURITY,
             "2026-11 Cumulative Security Update for Fabrikam Server 2025"), .line = 1,
      .change = NEW },
};

/* ---- tools ---- */

static _Noreturn void die(const char *what, const char *name)
{
    fprintf(stderr, "generate: cannot %s %s: %s\n", what, name, strerror(errno));
    exit(1);
}

static _Noreturn void usage(void)
{
    fputs("usage: generate --out DIR [--updates N] [--content-bytes B] [--month 1|2] [--seed S] [--inside]\n"
          "       generate --out DIR --small [--month 1|2] [--seed S] [--inside]\n"
          "N is 50 or more; B is 0, or 100000 or more; DIR holds no WsusContent yet\n", stderr);
    exit(2);
}

/* Room for element number `index` of an array that is filled in order. */
static void *make_room(void *array, size_t index, size_t size)
{
    if (index & (index - 1)) /* grows at 0, 1, 2, 4, 8 ... */
        return array;
    void *grown = realloc(array, (index ? 2 * index : 1) * size);
    if (!grown)
        die("allocate", "memory");
    return grown;
}

static uint64_t mix(uint64_t x) /* splitmix64 */
{
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
    x = (x ^ x >> 27) * 0x94D049BB133111EB;
    return x ^ x >> 31;
}

static uint64_t next(struct rng *rng)
{
    return mix(rng->state += 0x9E3779B97F4A7C15);
}

static uint32_t below(struct rng *rng, uint32_t end)
{
    return (uint32_t)((next(rng) >> 32) * end >> 32);
}

/* Each purpose has its own sequence for each number, so nothing drawn elsewhere disturbs it. */
static struct rng rng_for(const struct catalogue *c, char purpose, uint64_t number)
{
    uint64_t start = mix(c->seed + 0x9E3779B97F4A7C15) + (uint64_t)(unsigned char)purpose;
    return (struct rng){ mix(mix(start) ^ (number + 1) * 0xD1B54A32D192ED03) };
}

static void draw_id(struct rng *rng, char id[37])
{
    uint64_t high = next(rng), low = next(rng);
    snprintf(id, 37, "%08x-%04x-4%03x-8%03x-%012" PRIx64, (unsigned)(high >> 32),
             (unsigned)(high >> 16 & 0xFFFF), (unsigned)(high & 0xFFF), (unsigned)(low >> 52),
             low & 0xFFFFFFFFFFFF);
}

static const char *fold(char *out, const char *text, int (*to_case)(int))
{
    size_t i = 0;
    do
        out[i] = (char)to_case((unsigned char)text[i]);
    while (text[i++]);
    return out;
}

static size_t utf16_length(const char *bytes, size_t length)
{
    size_t units = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char b = (unsigned char)bytes[i];
        units += (size_t)((b & 0xC0) != 0x80) + (size_t)(b >= 0xF0);
    }
    return units;
}

static FILE *create(const char *name)
{
    FILE *out = fopen(name, "wb");
    if (!out)
        die("create", name);
    setvbuf(out, NULL, _IOFBF, CHUNK);
    return out;
}

static void finish(FILE *out, const char *name)
{
    bool is_bad = ferror(out);
    if (fclose(out) != 0 || is_bad)
        die("write", name);
}

/* ---- the plan ---- */

static bool has_payload(const struct update *u)
{
    return u->kind == LEAF || u->kind == DRIVER || u->kind == SINGLE;
}

static bool is_deployable(const struct update *u)
{
    return u->kind == BUNDLE || u->kind == DRIVER || u->kind == SINGLE;
}

static struct update *add_update(struct catalogue *c, enum kind kind, const char *title)
{
    static const uint8_t FIRST_REVISIONS[] = { 1, 51, 100, 101, 200, 200, 201, 208 };
    uint32_t index = c->update_count++;
    c->updates = make_room(c->updates, index, sizeof *c->updates);
    struct update *u = &c->updates[index];
    *u = (struct update){ .kind = (uint8_t)kind, .title = title, .previous = NONE };
    struct rng rng = rng_for(c, 'u', index);
    u->revision = FIRST_REVISIONS[below(&rng, COUNT(FIRST_REVISIONS))];
    u->revisions = below(&rng, 50) == 0 ? 2 : 1;
    u->noise = next(&rng);
    draw_id(&rng, u->id);
    return u;
}

static void set_classification(struct update *u, uint32_t which)
{
    u->which = which;
    u->title = CLASSES[which].title;
    memcpy(u->id, CLASSES[which].id, sizeof u->id);
}

static struct file *add_file(struct catalogue *c, uint32_t owner, uint64_t size)
{
    uint32_t index = c->file_count++;
    c->files = make_room(c->files, index, sizeof *c->files);
    struct rng rng = rng_for(c, 'f', index);
    uint8_t extension = (uint8_t)below(&rng, TXT);
    c->files[index] = (struct file){ .size = size, .owner = owner, .extension = extension };
    return &c->files[index];
}

/* The first files are licence terms, each in as many languages as LICENCES has. */
static void add_licences(struct catalogue *c)
{
    c->licence_files = c->licences * (uint32_t)COUNT(LICENCES);
    for (uint32_t i = 0; i < c->licence_files; i++) {
        struct file *f = add_file(c, i / (uint32_t)COUNT(LICENCES), 0);
        f->extension = TXT;
        f->language = i % COUNT(LICENCES);
    }
}

static void join_line(struct catalogue *c, struct update *u, uint32_t line, uint32_t superseded)
{
    u->previous = c->lines[line];
    u->superseded = superseded;
    c->lines[line] = (uint32_t)(u - c->updates);
}

static void plan_small(struct catalogue *c)
{
    c->licences = 1;
    add_licences(c);
    for (uint32_t i = 0; i < COUNT(SMALL); i++) {
        const struct row *row = &SMALL[i];
        if (row->change == NEW && !c->is_month_2)
            continue;
        struct update *u = add_update(c, row->kind, row->title);
        u->parent = row->parent;
        u->classification = row->classification;
        u->revisions = 1u + row->more;
        u->is_expired = row->is_expired;
        u->is_alternative = row->is_alternative;
        u->is_multiline = row->is_multiline;
        u->licence = row->has_licence;
        u->change = (uint8_t)(c->is_month_2 ? row->change : SAME);
        if (row->kind == CLASSIFICATION)
            set_classification(u, row->classification);
        if (row->line)
            join_line(c, u, row->line, NONE);
        u->file = row->shares_file ? c->file_count - 1 : c->file_count;
        u->files = row->shares_file;
        for (size_t k = 0; k < COUNT(row->sizes) && row->sizes[k]; k++, u->files++)
            add_file(c, i, row->sizes[k]);
    }
}

static void plan_categories(struct catalogue *c, uint32_t updates)
{
    c->products = updates < 1000 ? updates / 20 : 50;
    add_update(c, COMPANY, "Fabrikam");
    add_update(c, COMPANY, "Contoso");
    for (uint32_t i = 0; i < COUNT(CLASSES); i++)
        set_classification(add_update(c, CLASSIFICATION, NULL), i);
    uint32_t first_family = c->update_count;
    for (uint32_t i = 0; i < (c->products + 4) / 5; i++)
        add_update(c, FAMILY, FAMILIES[i])->parent = FAMILIES[i][0] == 'C';
    c->first_product = c->update_count;
    for (uint32_t i = 0; i < c->products; i++) {
        char *title = c->product_titles[i];
        snprintf(title, sizeof c->product_titles[i], "%s %s", FAMILIES[i / 5], YEARS[i % 5]);
        add_update(c, PRODUCT, title)->parent = first_family + i / 5;
    }
}

/* Updates next to each other in one bundle belong to the same product and classification. */
static void plan_software(struct catalogue *c, struct update *u, struct rng *rng)
{
    static const uint8_t MIX[] = { 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 5, 5, 5, 6, 7, 8, 10 };
    static const uint8_t LANGUAGE_COUNTS[] = { 1, 6, 12, 24, TRANSLATED };
    uint32_t product = below(rng, c->products), class = MIX[below(rng, COUNT(MIX))];
    bool is_sibling = u->kind != DRIVER && (u[-1].kind == LEAF || u[-1].kind == HIDDEN);
    u->parent = is_sibling ? u[-1].parent : c->first_product + product;
    u->classification = is_sibling ? u[-1].classification
                                   : FIRST_CLASS + (u->kind == DRIVER ? DRIVER_CLASS : class);
    u->is_multiline = below(rng, 8) == 0;
    u->is_expired = is_deployable(u) && below(rng, 35) < 3;
    if (u->kind != BUNDLE)
        return;
    u->is_alternative = below(rng, 20) == 0;
    u->languages = LANGUAGE_COUNTS[below(rng, COUNT(LANGUAGE_COUNTS))];
    if (below(rng, 50) == 0)
        u->licence = (uint8_t)(1 + below(rng, c->licences));
    join_line(c, u, u->parent - c->first_product, below(rng, 5) < 3 ? 1 + below(rng, 30) : 0);
}

/* `bytes` of new files: log-uniform from 10 KB to 300 MB, leaning to the small, then scaled. */
static void add_content(struct catalogue *c, uint64_t bytes)
{
    uint64_t count = bytes / 6000000 > 3 ? bytes / 6000000 : 3, sum = 0, left = bytes;
    uint64_t least = bytes / count < 10000 ? bytes / count : 10000;
    uint32_t first = c->file_count, largest = first;
    for (uint64_t i = 0; i < count; i++) {
        struct rng rng = rng_for(c, 's', c->file_count);
        uint32_t a = below(&rng, 15), b = below(&rng, 15), octave = a < b ? a : b;
        uint64_t share = ((uint64_t)9000 << octave) + below(&rng, 9000u << octave);
        add_file(c, 0, share);
        sum += share;
    }
    /* NOLINTNEXTLINE(zerodiv): there are three files at least, none of no bytes */
    uint64_t scale = ((bytes - count * least) << 20) / sum;
    for (uint32_t i = first; i < c->file_count; i++) {
        c->files[i].size = least + (c->files[i].size * scale >> 20);
        left -= c->files[i].size;
        if (c->files[i].size > c->files[largest].size)
            largest = i;
    }
    c->files[largest].size += left;
}

/* Spreads the new files over the updates from `from` on; those left out share some or have none. */
static void give_files(struct catalogue *c, uint32_t from, uint32_t first_file)
{
    uint64_t carriers = 0, nth = 0, added = c->file_count - first_file;
    for (uint32_t i = from; i < c->update_count; i++)
        carriers += has_payload(&c->updates[i]);
    for (uint32_t i = from; i < c->update_count; i++) {
        struct update *u = &c->updates[i];
        if (!has_payload(u))
            continue;
        u->file = first_file + (uint32_t)(nth * added / carriers);
        u->files = first_file + (uint32_t)((nth + 1) * added / carriers) - u->file;
        nth++;
        for (uint32_t k = u->file; k < u->file + u->files; k++)
            c->files[k].owner = i;
        struct rng rng = rng_for(c, 'g', i);
        uint32_t there = c->file_count - c->licence_files;
        if (u->files == 0 && there > 0 && below(&rng, 2)) {
            uint32_t start = below(&rng, there), most = there - start < 3 ? there - start : 3;
            u->file = c->licence_files + start;
            u->files = 1 + below(&rng, most);
        }
    }
}

static void plan_batch(struct catalogue *c, uint32_t count, uint64_t bytes, enum change change)
{
    static const char LETTERS[] = "CUFPDLHBR"; /* in the order of enum kind */
    static const char PLAIN[] = "DLLBDLLBRDLLBLBDLLBR", NESTED[] = "DLLHBDLLBRDLLBDLLLBR";
    uint32_t first = c->update_count, first_file = c->file_count;
    const char *pattern = PLAIN;
    for (uint32_t i = 0; i < count; i++) {
        struct rng rng = rng_for(c, 'p', first + i);
        if (i % 20 == 0)
            pattern = below(&rng, 5) == 0 ? NESTED : PLAIN;
        enum kind kind = (enum kind)(strchr(LETTERS, pattern[i % 20]) - LETTERS);
        struct update *u = add_update(c, kind, NULL);
        if (kind != DETECTOID)
            plan_software(c, u, &rng);
        u->change = (uint8_t)change;
        u->is_expired = u->is_expired && change != NEW;
    }
    if (bytes > 0)
        add_content(c, bytes);
    give_files(c, first, first_file);
}

/* Changes one fitting update in each of `parts` equal parts of the catalogue. */
static void change_some(struct catalogue *c, uint32_t parts, enum change change)
{
    uint64_t total = c->update_count;
    parts = parts ? parts : 1;
    for (uint32_t part = 0; part < parts; part++) {
        uint32_t from = (uint32_t)(total * part / parts);
        uint32_t length = (uint32_t)(total * (part + 1) / parts) - from;
        struct rng rng = rng_for(c, (char)('0' + (int)change), part);
        uint32_t start = below(&rng, length);
        for (uint32_t i = 0; i < length; i++) {
            struct update *u = &c->updates[from + (start + i) % length];
            if (u->change == SAME && !u->is_expired && (change == REVISED || is_deployable(u))) {
                u->change = (uint8_t)change;
                break;
            }
        }
    }
}

/* Real catalogues hold a few very large documents; the largest seen has 46.9 MB. */
static void plan_large_documents(struct catalogue *c)
{
    static const uint32_t SIZES[] = { 1000000, 3000000, 15000000, 46900000 };
    for (uint32_t i = 0; i < COUNT(SIZES) && c->update_count >= 50000; i++) {
        uint32_t at = c->update_count / 5 * (i + 1);
        while (c->updates[at].kind != LEAF)
            at++;
        c->updates[at].bulk = SIZES[i];
    }
}

static void plan_big(struct catalogue *c, uint32_t updates, uint64_t bytes)
{
    c->licences = updates < 20000 ? 2 : 12;
    add_licences(c);
    plan_categories(c, updates);
    plan_batch(c, updates - c->update_count, bytes, SAME);
    plan_large_documents(c);
    if (!c->is_month_2)
        return;
    change_some(c, updates / 500, REMOVED);
    change_some(c, updates / 100, EXPIRED);
    change_some(c, updates / 100, REVISED);
    plan_batch(c, updates / 50 > 4 ? updates / 50 : 4, bytes * 3 / 100, NEW);
}

/* ---- content ---- */

static void put_file_name(FILE *to, const struct file *f, const char *suffix)
{
    if (f->extension == TXT)
        fprintf(to, "license-%u-%s%s.txt", f->owner + 1, LICENCES[f->language].code, suffix);
    else
        fprintf(to, "fabrikam-kb%u-%s-%" PRIx64 "%s.%s", FIRST_KB + f->owner,
                ARCHITECTURES[f->size % COUNT(ARCHITECTURES)], f->size, suffix,
                EXTENSIONS[f->extension]);
}

static size_t fill_licence(char *chunk, const struct file *f)
{
    int length = snprintf(chunk, CHUNK, "%s %u\r\n\r\n", LICENCES[f->language].title, f->owner + 1);
    for (unsigned i = 1; i <= 20 + f->owner; i++)
        length += snprintf(chunk + length, 1000, "%u. %s\r\n", i, LICENCES[f->language].sentence);
    return (size_t)length;
}

static size_t fill_random(char *chunk, struct rng *rng, uint64_t left)
{
    size_t length = left < CHUNK ? (size_t)left : CHUNK;
    for (size_t i = 0; i < length; i += 8) { /* CHUNK is a multiple of 8 */
        uint64_t word = htole64(next(rng));
        memcpy(chunk + i, &word, 8);
    }
    return length;
}

/* Writes one file under a passing name; afterwards its digests are known. */
static void write_file(struct catalogue *c, uint32_t index, FILE *out, EVP_MD_CTX *digests[2])
{
    static char chunk[CHUNK];
    struct file *f = &c->files[index];
    struct rng rng = rng_for(c, 'c', index);
    size_t length = 0;
    if (f->extension == TXT)
        f->size = length = fill_licence(chunk, f);
    if (!EVP_DigestInit_ex(digests[0], EVP_sha1(), NULL)
        || !EVP_DigestInit_ex(digests[1], EVP_sha256(), NULL))
        die("start", "SHA-1 and SHA-256");
    for (uint64_t left = f->size; left > 0; left -= length) {
        if (f->extension != TXT)
            length = fill_random(chunk, &rng, left);
        fwrite(chunk, 1, length, out);
        EVP_DigestUpdate(digests[0], chunk, length);
        EVP_DigestUpdate(digests[1], chunk, length);
    }
    uint8_t sha1[20], sha256[32];
    EVP_DigestFinal_ex(digests[0], sha1, NULL);
    EVP_DigestFinal_ex(digests[1], sha256, NULL);
    EVP_EncodeBlock((unsigned char *)f->sha1, sha1, sizeof sha1);
    EVP_EncodeBlock((unsigned char *)f->sha256, sha256, sizeof sha256);
    for (size_t i = 0; i < sizeof sha1; i++)
        snprintf(f->hex + 2 * i, 3, "%02X", sha1[i]);
}

static void write_files(struct catalogue *c)
{
    static const char PASSING[] = "WsusContent/passing";
    char path[80];
    EVP_MD_CTX *digests[2] = { EVP_MD_CTX_new(), EVP_MD_CTX_new() };
    for (uint32_t i = 0; i < c->file_count; i++) {
        if (!c->files[i].is_used)
            continue;
        FILE *out = create(PASSING);
        write_file(c, i, out, digests);
        finish(out, PASSING);
        const char *hex = c->files[i].hex;
        snprintf(path, sizeof path, "WsusContent/%s", hex + 38);
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            die("create", path);
        snprintf(path, sizeof path, "WsusContent/%s/%s.%s", hex + 38, hex,
                 EXTENSIONS[c->files[i].extension]);
        if (rename(PASSING, path) != 0)
            die("create", path);
    }
    EVP_MD_CTX_free(digests[0]);
    EVP_MD_CTX_free(digests[1]);
}

static uint32_t licence_count(const struct update *u)
{
    return u->licence ? COUNT(LICENCES) : 0;
}

/* The files of an update, licence terms last. */
static uint32_t file_of(const struct update *u, uint32_t nth)
{
    uint32_t licence_file = (u->licence - 1u) * (uint32_t)COUNT(LICENCES);
    return nth < u->files ? u->file + nth : licence_file + nth - u->files;
}

static void mark_used_files(struct catalogue *c)
{
    for (uint32_t i = 0; i < c->update_count; i++) {
        const struct update *u = &c->updates[i];
        uint32_t count = u->change == REMOVED ? 0 : u->files + licence_count(u);
        for (uint32_t k = 0; k < count; k++)
            c->files[file_of(u, k)].is_used = true;
    }
}

/* ---- documents ---- */

static struct rng section(const struct document *d, char name)
{
    return rng_for(d->c, name, d->index);
}

static const char *line_end(const struct document *d)
{
    bool is_crlf = d->c->is_small ? d->u->change == ENDINGS : d->u->noise % 8 == 0;
    return is_crlf ? "\r\n" : "\n";
}

static bool is_expired(const struct document *d)
{
    if (d->ordinal >= d->u->revisions)
        return d->u->change == EXPIRED;
    return d->u->is_expired && d->ordinal + 1 == d->u->revisions;
}

static void put_month(const struct document *d, uint32_t ordinal)
{
    unsigned months = (unsigned)(d->u->noise >> 8) % 84;
    bool is_late = d->u->change == NEW || ordinal >= d->u->revisions;
    if (is_late || ordinal > 0)
        fputs(is_late ? "2026-11" : "2026-09", d->to);
    else
        fprintf(d->to, "%04u-%02u", 2019 + months / 12, 1 + months % 12);
}

/* The English title of what has no title of its own. */
static void put_drawn_title(const struct document *d)
{
    struct rng rng = section(d, 't');
    const struct update *u = d->u;
    const char *product = d->c->updates[u->parent].title;
    const char *word = WORDS[below(&rng, COUNT(WORDS))];
    unsigned major = below(&rng, 30), minor = below(&rng, 30000);
    if (u->kind == DETECTOID) {
        fprintf(d->to, "%s detection, version %u.%u", word, major, minor);
    } else if (u->kind == DRIVER) {
        fprintf(d->to, "Fabrikam - %s - %u.%u.%u.0", word, major, minor, d->index % 100);
    } else if (u->kind == BUNDLE) {
        put_month(d, 0);
        fprintf(d->to, " %s for %s%s", CLASSES[d->c->updates[u->classification].which].word,
                product, below(&rng, 30) == 0 ? " \U0001F6E1" : "");
    } else {
        fprintf(d->to, "HIDDEN: %s package %u.%u for %s", word, major, minor, product);
    }
}

static void put_title(const struct document *d, size_t language)
{
    if (language != ENGLISH && d->u->kind == BUNDLE) {
        fprintf(d->to, "%s%s%s", LANGUAGES[language].before, d->c->updates[d->u->parent].title,
                LANGUAGES[language].after);
    } else if (d->u->title) {
        fputs(d->u->title, d->to);
    } else {
        put_drawn_title(d);
    }
    if (d->u->kind == BUNDLE || d->u->kind == SINGLE)
        fprintf(d->to, " (KB%u)", FIRST_KB + d->index);
}

/* English always; of the others about as many as planned; in the small catalogue, German. */
static bool has_language(const struct document *d, size_t language)
{
    if (!LANGUAGES[language].description || language == ENGLISH)
        return language == ENGLISH;
    if (d->c->is_small)
        return language == GERMAN && is_deployable(d->u);
    return (language + (d->u->noise >> 16 & 63)) % COUNT(LANGUAGES)
           < d->u->languages * COUNT(LANGUAGES) / TRANSLATED;
}

static void put_localized(const struct document *d, size_t language)
{
    const char *code = LANGUAGES[language].code, *description = LANGUAGES[language].description;
    bool has_ideographs = code[0] == 'j' || code[0] == 'z';
    fprintf(d->to, "<upd:LocalizedProperties><upd:Language>%s</upd:Language><upd:Title>", code);
    put_title(d, language);
    fputs("</upd:Title>", d->to);
    if (d->u->kind != LEAF && d->u->kind != HIDDEN) {
        struct rng rng = section(d, 'l');
        uint32_t build = 10000 + below(&rng, 17000);
        bool is_rare = has_ideographs && below(&rng, 8) == 0; /* one outside the basic plane */
        fprintf(d->to, "<upd:Description>%s%s%s[10.0.%u.%u]</upd:Description>", description,
                d->u->is_multiline ? line_end(d) : " ", is_rare ? "\U00020BB7" : "", build,
                d->ordinal);
    }
    if (is_deployable(d->u))
        fprintf(d->to, "<upd:MoreInfoUrl>" SITE "%s/kb/%u</upd:MoreInfoUrl>"
                "<upd:SupportUrl>" SITE "%s/</upd:SupportUrl>", code, FIRST_KB + d->index, code);
    fputs("</upd:LocalizedProperties>", d->to);
}

static void put_file(const struct document *d, const char *element, uint32_t number)
{
    const struct file *f = &d->c->files[number];
    fprintf(d->to, "<upd:%s Digest=\"%s\" DigestAlgorithm=\"SHA1\" FileName=\"", element,
            f->sha1);
    put_file_name(d->to, f, "");
    fprintf(d->to, "\" Size=\"%" PRIu64 "\"", f->size);
    if (f->extension == TXT)
        fprintf(d->to, " Language=\"%s\" GeoId=\"\"", LICENCES[f->language].code);
    else
        fprintf(d->to, " Modified=\"2026-%02u-%02uT%02u:%02u:07Z\" PatchingType=\"SelfContained\"",
                1 + f->owner % 9, 1 + f->owner % 28, f->owner % 24, (unsigned)(f->size % 60));
    fprintf(d->to, "><upd:AdditionalDigest Algorithm=\"SHA256\">%s</upd:AdditionalDigest></upd:%s>",
            f->sha256, element);
}

static void put_identity(const struct document *d, uint32_t index, bool with_revision)
{
    const struct update *u = &d->c->updates[index];
    fprintf(d->to, "<upd:UpdateIdentity UpdateID=\"%s\"", u->id);
    if (with_revision)
        fprintf(d->to, " RevisionNumber=\"%u\"", u->revision + u->revisions - 1);
    fputs(" />", d->to);
}

/* As in real documents, the case of the identity and the default namespace vary. */
static void put_head(const struct document *d)
{
    const struct update *u = d->u;
    bool is_upper = u->kind == CLASSIFICATION || (u->noise >> 32 & 15) == 0;
    bool has_default = (u->noise >> 24 & 31) == 0;
    char id[37];
    fputs(has_default ? "<upd:Update xmlns=\"" NS "Publishing\"" : "<upd:Update", d->to);
    fputs(" xmlns:pub=\"" NS "Publishing\" xmlns:upd=\"" NS "Update\"", d->to);
    if (u->kind <= DETECTOID || has_payload(u))
        fputs(" xmlns:lar=\"" NS "LogicalApplicabilityRules\""
              " xmlns:bar=\"" NS "BaseApplicabilityRules\"", d->to);
    if (u->kind == DRIVER)
        fputs(" xmlns:drv=\"" NS "UpdateHandlers/WindowsDriver\"", d->to);
    else if (u->kind == DETECTOID || has_payload(u))
        fputs(" xmlns:mar=\"" NS "MsiApplicabilityRules\""
              " xmlns:cbsar=\"" NS "CbsApplicabilityRules\"", d->to);
    fprintf(d->to, "><upd:UpdateIdentity UpdateID=\"%s\" RevisionNumber=\"%u\" />",
            is_upper ? fold(id, u->id, toupper) : u->id, u->revision + d->ordinal);
}

static size_t handler(const struct document *d)
{
    if (d->u->kind < DETECTOID || d->u->kind == DRIVER)
        return d->u->kind == DRIVER ? DRIVER_HANDLER : CATEGORY_HANDLER;
    return d->u->files > 0 ? d->c->files[d->u->file].extension : d->u->noise >> 40 & 3;
}

static void put_guid(const struct document *d, const char *attribute, struct rng rng)
{
    char id[37];
    draw_id(&rng, id);
    fprintf(d->to, " %s=\"%s\"", attribute, id);
}

static void put_software_properties(const struct document *d, struct rng *rng)
{
    fprintf(d->to, "><upd:InstallationBehavior RebootBehavior=\"%s\" Impact=\"Normal\" />",
            below(rng, 2) ? "CanRequestReboot" : "NeverReboots");
    if (is_deployable(d->u))
        fputs("<upd:SupportUrl>" SITE "</upd:SupportUrl>", d->to);
    if (d->u->kind == BUNDLE || d->u->kind == SINGLE) {
        for (uint32_t left = below(rng, d->c->is_small ? 3 : 50); left > 0; left--)
            fprintf(d->to, "<upd:CveID>CVE-2026-%u</upd:CveID>", 20000 + below(rng, 30000));
        fprintf(d->to, "<upd:KBArticleID>%u</upd:KBArticleID>", FIRST_KB + d->index);
    }
    fputs("</upd:Properties>", d->to);
}

static void put_properties(const struct document *d)
{
    static const char *const TYPES[] = { "Category", "Category", "Category", "Category",
        "Detectoid", "Software", "Software", "Software", "Driver", "Software" };
    const struct update *u = d->u;
    struct rng rng = section(d, 'a');
    unsigned when = (unsigned)u->noise;
    fprintf(d->to, "<upd:Properties UpdateType=\"%s\" DefaultPropertiesLanguage=\"en\"",
            TYPES[u->kind]);
    if (u->kind < DETECTOID || has_payload(u))
        fprintf(d->to, " Handler=\"" NS "UpdateHandlers/%s\"", HANDLERS[handler(d)].name);
    if (is_deployable(u))
        fputs(" AutoSelectOnWebSites=\"true\" ExplicitlyDeployable=\"true\"", d->to);
    if (u->kind == DETECTOID)
        fprintf(d->to, " DetectoidType=\"%s\"",
                DETECTOID_TYPES[below(&rng, COUNT(DETECTOID_TYPES))]);
    if (u->kind > DETECTOID) {
        uint64_t size = 0;
        for (uint32_t k = 0; k < u->files; k++)
            size += d->c->files[u->file + k].size;
        fprintf(d->to, " MaxDownloadSize=\"%" PRIu64 "\" MinDownloadSize=\"0\"", size);
    }
    if (u->kind == BUNDLE && d->c->updates[u->classification].which == SECURITY_CLASS)
        fprintf(d->to, " MsrcSeverity=\"%s\"", SEVERITIES[below(&rng, COUNT(SEVERITIES))]);
    if (u->licence)
        put_guid(d, "EulaID", rng_for(d->c, 'e', u->licence));
    fprintf(d->to, " PublicationState=\"%s\" CreationDate=\"",
            is_expired(d) ? "Expired" : "Published");
    put_month(d, d->ordinal);
    fprintf(d->to, "-%02uT%02u:%02u:%02u.%03uZ\"", 1 + when % 10, when / 10 % 24,
            when / 240 % 60, when / 14400 % 60, when / 864000 % 1000);
    put_guid(d, "PublisherID", rng_for(d->c, 'b', below(&rng, 4)));
    if (u->kind > DETECTOID)
        put_software_properties(d, &rng);
    else
        fputs(" />", d->to);
}

/* The nearest update of a kind before number `at`, or NONE. */
static uint32_t earlier(const struct catalogue *c, enum kind kind, uint32_t at)
{
    while (at > 0)
        if (c->updates[--at].kind == kind)
            return at;
    return NONE;
}

/* Up to `most` different updates of one kind from before number `before`. */
static void put_earlier(const struct document *d, struct rng *rng, enum kind kind, uint32_t before,
                        uint32_t most, bool with_revision)
{
    uint32_t at = 1 + below(rng, before);
    at = earlier(d->c, kind, at) == NONE ? before : at;
    while (most-- > 0 && (at = earlier(d->c, kind, at)) != NONE) {
        put_identity(d, at, with_revision);
        at -= below(rng, at / 2 + 1);
    }
}

static void put_category(const struct document *d, uint32_t index, bool is_marked)
{
    fputs(is_marked ? "<upd:AtLeastOne IsCategory=\"true\">" : "<upd:AtLeastOne>", d->to);
    put_identity(d, index, false);
    fputs("</upd:AtLeastOne>", d->to);
}

static void put_prerequisites(const struct document *d)
{
    const struct update *u = d->u;
    struct rng rng = section(d, 'd');
    bool is_needed = u->kind == LEAF || u->kind == DETECTOID;
    fputs("<upd:Prerequisites>", d->to);
    if (u->kind >= DETECTOID)
        put_earlier(d, &rng, DETECTOID, d->index, is_needed + below(&rng, 3), false);
    if (u->kind == LEAF) {
        fputs("<upd:AtLeastOne>", d->to);
        put_earlier(d, &rng, DETECTOID, d->index, 1 + below(&rng, 6), false);
        fputs("</upd:AtLeastOne>", d->to);
    }
    if (u->kind != DETECTOID)
        put_category(d, u->parent, u->kind < DETECTOID || is_deployable(u));
    if (u->kind > DETECTOID)
        put_category(d, u->classification, is_deployable(u));
    fputs("</upd:Prerequisites>", d->to);
}

/* A bundle holds the hidden bundle just above it, else all leaves just above it. */
static void put_children(const struct document *d)
{
    struct rng rng = section(d, 'h');
    uint32_t first = d->index - 1;
    bool is_one_clause = d->u->is_alternative, is_wrapped = !is_one_clause && below(&rng, 2);
    while (d->c->updates[first].kind == LEAF && d->c->updates[first - 1].kind == LEAF)
        first--;
    fputs(is_one_clause ? "<upd:BundledUpdates><upd:AtLeastOne>" : "<upd:BundledUpdates>", d->to);
    for (uint32_t i = first; i < d->index; i++) {
        fputs(is_wrapped ? "<upd:AtLeastOne>" : "", d->to);
        put_identity(d, i, true);
        fputs(is_wrapped ? "</upd:AtLeastOne>" : "", d->to);
    }
    if (is_one_clause && !d->c->is_small)
        put_earlier(d, &rng, LEAF, first, below(&rng, 40), true);
    fputs(is_one_clause ? "</upd:AtLeastOne>" : "", d->to);
    fputs("</upd:BundledUpdates>", d->to);
}

static void put_relationships(const struct document *d)
{
    const struct update *u = d->u;
    if (u->kind == COMPANY || u->kind == CLASSIFICATION)
        return;
    bool is_free = (u->noise >> 44 & 3) == 0 || earlier(d->c, DETECTOID, d->index) == NONE;
    if (u->kind == DETECTOID && is_free) {
        fputs("<upd:Relationships />", d->to);
        return;
    }
    fputs("<upd:Relationships>", d->to);
    if (u->previous != NONE && u->superseded > 0) {
        fputs("<upd:SupersededUpdates>", d->to);
        uint32_t at = u->previous;
        for (uint32_t n = 0; n < u->superseded && at != NONE; n++) {
            put_identity(d, at, false);
            at = d->c->updates[at].previous;
        }
        fputs("</upd:SupersededUpdates>", d->to);
    }
    put_prerequisites(d);
    if (u->kind == BUNDLE || u->kind == HIDDEN)
        put_children(d);
    fputs("</upd:Relationships>", d->to);
}

static void put_rule(FILE *to, struct rng *rng, const uint32_t n[6])
{
    char id[37], upper[37];
    const char *area = WORDS[n[1] % COUNT(WORDS)], *part = WORDS[n[2] % COUNT(WORDS)];
    const char *comparison = COMPARISONS[n[3] % COUNT(COMPARISONS)];
    unsigned build = 10000 + n[4] % 17000, patch = n[5] % 9000;
    switch (n[0] % 5) {
    case 0:
        fprintf(to, "<bar:RegDword Key=\"HKEY_LOCAL_MACHINE\" Subkey=\"SOFTWARE\\Fabrikam\\%s\\%s"
                "\" Value=\"%sLevel\" Comparison=\"%s\" Data=\"%u\"" BAR, area, part, part,
                comparison, patch);
        break;
    case 1:
        fprintf(to, "<bar:FileVersionPrependRegSz Path=\"fab%s.dll\" Comparison=\"%s\" Version=\""
                "10.0.%u.%u\" Key=\"HKEY_LOCAL_MACHINE\" Subkey=\"SOFTWARE\\Fabrikam\\%s\" "
                "Value=\"InstallLocation\"" BAR, area, comparison, build, patch, part);
        break;
    case 2:
        draw_id(rng, id);
        fprintf(to, "<mar:MsiProductInstalled ProductCode=\"{%s}\" VersionMin=\"16.0.%u.%u\" "
                "ExcludeVersionMin=\"false\" />", fold(upper, id, toupper), build, patch);
        break;
    case 3:
        fprintf(to, "<cbsar:CbsPackageInstalledByIdentity PackageIdentity=\"Fabrikam-%s-%s-Package~"
                "31bf3856ad364e35~amd64~~10.0.%u.%u\" />", area, part, build, patch);
        break;
    default:
        fprintf(to, "<lar:Or><bar:WindowsVersion Comparison=\"%s\" MajorVersion=\"10\" "
                "MinorVersion=\"0\" BuildNumber=\"%u\"" BAR "<bar:Processor Architecture=\"%u\"" BAR
                "</lar:Or>", comparison, build, patch % 2 ? 9u : 12u);
    }
}

static void put_rules(const struct document *d, struct rng *rng, uint32_t count, off_t least)
{
    off_t start = ftello(d->to);
    uint32_t n[6];
    for (size_t i = 0; i < COUNT(n); i++)
        n[i] = (uint32_t)next(rng);
    for (uint32_t i = 0; i < count || (least > 0 && ftello(d->to) - start < least); i++) {
        if (d->u->is_multiline)
            fprintf(d->to, "%s\t%s", line_end(d), i % 10 == 3 ? "<!-- drawn -->" : "");
        size_t changed = below(rng, COUNT(n)); /* neighbours are alike, as in real rules */
        n[changed] = (uint32_t)next(rng);
        n[5] = (uint32_t)next(rng);
        put_rule(d->to, rng, n);
    }
}

static void put_driver_metadata(const struct document *d)
{
    struct rng rng = section(d, 'm');
    for (uint32_t left = 1 + below(&rng, d->c->is_small ? 2 : 20); left > 0; left--) {
        uint32_t vendor = below(&rng, 0x10000), device = below(&rng, 0x10000);
        const char *word = WORDS[below(&rng, COUNT(WORDS))];
        fprintf(d->to, "<drv:WindowsDriverMetaData HardwareID=\"PCI\\VEN_%04X&amp;DEV_%04X\" "
                "DriverVerDate=\"2026-0%u-1%u\" DriverVerVersion=\"26.%u.%u.0\" WhqlDriverID=\"%u\""
                " Class=\"Networking\" Company=\"Fabrikam\" Provider=\"Fabrikam\" "
                "Manufacturer=\"Fabrikam\" Model=\"Fabrikam %s Adapter %u\"><drv:FeatureScore "
                "OperatingSystem=\"Windows.10.0\" FeatureScore=\"%02X\" />"
                "</drv:WindowsDriverMetaData>", vendor, device, 1 + vendor % 9, device % 10,
                vendor % 100, device % 9000, 900000 + vendor + device, word, device % 1000,
                vendor % 256);
    }
}

static void put_applicability(const struct document *d)
{
    struct rng rng = section(d, 'r');
    const struct update *u = d->u;
    uint32_t tests = 2 + below(&rng, d->c->is_small ? 4 : 12), most = 6 + below(&rng, 32);
    if (u->kind == BUNDLE || u->kind == HIDDEN)
        return;
    fputs("<upd:ApplicabilityRules><upd:IsInstalled>", d->to);
    if (u->kind == DRIVER) {
        fputs("<drv:WindowsDriverInstalled /></upd:IsInstalled><upd:IsInstallable>"
              "<drv:WindowsDriverInstallable /></upd:IsInstallable><upd:Metadata>", d->to);
        put_driver_metadata(d);
        fputs("</upd:Metadata></upd:ApplicabilityRules>", d->to);
        return;
    }
    fputs(u->kind < DETECTOID ? "<lar:True />" : "<lar:And>", d->to);
    if (u->kind >= DETECTOID)
        put_rules(d, &rng, tests, 0);
    fputs(u->kind < DETECTOID ? "</upd:IsInstalled>" : "</lar:And></upd:IsInstalled>", d->to);
    if (has_payload(u)) {
        most = d->c->is_small ? tests : below(&rng, 6) == 0 ? most + below(&rng, 200) : most;
        fputs("<upd:IsInstallable><lar:Or>", d->to);
        put_rules(d, &rng, most + d->ordinal, u->bulk); /* each revision adds a rule */
        fputs("</lar:Or></upd:IsInstallable>", d->to);
    }
    fputs("</upd:ApplicabilityRules>", d->to);
}

static void put_handler(const struct document *d)
{
    static const char *const TYPES[] = { "Company", "UpdateClassification", "ProductFamily",
                                         "Product" };
    size_t h = handler(d);
    bool is_inner = d->u->kind == COMPANY || d->u->kind == FAMILY;
    fprintf(d->to, "<upd:HandlerSpecificData xsi:type=\"%s:%s\" xmlns:xsi=\"http://www.w3.org/2001/"
            "XMLSchema-instance\" xmlns:%s=\"" NS "UpdateHandlers/%s\">%s", HANDLERS[h].prefix,
            HANDLERS[h].name, HANDLERS[h].prefix, HANDLERS[h].name, HANDLERS[h].data);
    if (h == CATEGORY_HANDLER)
        fprintf(d->to, "<cat:CategoryInformation CategoryType=\"%s\" ProhibitsSubcategories=\"%s\" "
                "ProhibitsUpdates=\"%s\" DisplayOrder=\"%u\" />", TYPES[d->u->kind],
                is_inner ? "false" : "true", is_inner ? "true" : "false", d->index);
    fputs("</upd:HandlerSpecificData>", d->to);
}

static void put_document(const struct document *d)
{
    const struct update *u = d->u;
    put_head(d);
    put_properties(d);
    fputs("<upd:LocalizedPropertiesCollection>", d->to);
    for (size_t language = 0; language < COUNT(LANGUAGES); language++)
        if (has_language(d, language))
            put_localized(d, language);
    for (uint32_t k = 0; k < licence_count(u); k++)
        put_file(d, "EulaFile", file_of(u, u->files + k));
    fputs("</upd:LocalizedPropertiesCollection>", d->to);
    put_relationships(d);
    put_applicability(d);
    fputs(u->files > 0 ? "<upd:Files>" : "", d->to);
    for (uint32_t k = 0; k < u->files; k++)
        put_file(d, "File", u->file + k);
    fputs(u->files > 0 ? "</upd:Files>" : "", d->to);
    if (u->kind < DETECTOID || has_payload(u))
        put_handler(d);
    fputs("</upd:Update>", d->to);
}

/* ---- the export ---- */

struct export {
    FILE *package, *metadata, *document;
    char *bytes; /* of the document, after fflush() */
    size_t length;
    uint64_t revisions, metadata_bytes;
    bool is_inside; /* documents stand in package.xml too */
};

static void write_package_head(const struct catalogue *c, FILE *out)
{
    struct rng rng = rng_for(c, 'o', 0);
    char id[37], suffix[42] = "_";
    draw_id(&rng, id);
    fprintf(out, "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?><ExportPackage "
            "ServerID=\"%s\" CreationTime=\"2026-%sT02:00:00Z\" FormatVersion=\"1.0\" "
            "ProtocolVersion=\"1.20\"><Languages>", id,
            c->is_month_2 ? "11-11" : "10-14");
    for (size_t i = 0; i < COUNT(LANGUAGES); i++) {
        bool is_enabled = c->is_small ? i == ENGLISH || i == GERMAN : i == 0;
        fprintf(out, "<Language Id=\"%u\" ShortName=\"%s\" LongName=\"%s\" Enabled=\"%d\" />",
                LANGUAGES[i].id, LANGUAGES[i].code, LANGUAGES[i].name, is_enabled);
    }
    fputs("</Languages><Files>", out);
    for (uint32_t i = 0; i < c->file_count; i++) {
        const struct file *f = &c->files[i];
        if (!f->is_used)
            continue;
        uint32_t class = f->extension == TXT ? 0 : c->updates[f->owner].classification;
        fprintf(out, "<File Digest=\"%s\" MUUrl=\"http://download.windowsupdate.com/c/msdownload/"
                "update/software/%s/2026/10/", f->sha1,
                f->extension == TXT ? "updt" : CLASSES[c->updates[class].which].url);
        fold(suffix + 1, f->hex, tolower);
        put_file_name(out, f, suffix);
        fputs("\" />", out);
    }
    fputs("</Files><Updates>", out);
}

static void write_package_entry(const struct catalogue *c, const struct update *u,
                                uint32_t revision, FILE *out)
{
    uint32_t files = u->files + licence_count(u);
    fprintf(out, "<Update UpdateId=\"%s\" RevisionNumber=\"%u\">%s", u->id, revision,
            files > 0 ? "<Files>" : "<Files />");
    for (uint32_t k = 0; k < files; k++)
        fprintf(out, "<File Digest=\"%s\" />", c->files[file_of(u, k)].sha1);
    fputs(files > 0 ? "</Files>" : "", out);
    if (u->kind <= DETECTOID) {
        fputs("<Categories /><Classifications />", out);
        return;
    }
    fprintf(out, "<Categories><Category Value=\"%s\" /></Categories><Classifications>"
            "<Classification Value=\"%s\" /></Classifications>",
            c->updates[u->parent].id, c->updates[u->classification].id);
}

/* In sections of 64 KiB: libxml2 does not look further than 10 MB for the end of one. */
static void put_inside(const struct export *e)
{
    fputs("<Xml>", e->package);
    for (size_t at = 0, end; at < e->length; at = end) {
        end = at + 65536 < e->length ? at + 65536 : e->length;
        while (end < e->length && ((unsigned char)e->bytes[end] & 0xC0) == 0x80)
            end--; /* not inside a character */
        fputs("<![CDATA[", e->package);
        fwrite(e->bytes + at, 1, end - at, e->package);
        fputs("]]>", e->package);
    }
    fputs("</Xml>", e->package);
}

static void write_revision(const struct catalogue *c, struct export *e, uint32_t index,
                           uint32_t ordinal)
{
    const struct update *u = &c->updates[index];
    rewind(e->document);
    put_document(&(struct document){ c, u, index, ordinal, e->document });
    if (fflush(e->document) != 0)
        die("hold", "a document");
    write_package_entry(c, u, u->revision + ordinal, e->package);
    if (e->is_inside)
        put_inside(e);
    fputs("</Update>", e->package);
    int head = fprintf(e->metadata, "%s,%08x,%08zx,", u->id, u->revision + ordinal,
                       utf16_length(e->bytes, e->length));
    fwrite(e->bytes, 1, e->length, e->metadata);
    fputs("\r\n", e->metadata);
    e->metadata_bytes += (uint64_t)head + e->length + 2;
    e->revisions++;
}

/* Revisions of month 1 and new updates in their order, then the revisions that month 2 brings. */
static void write_export(const struct catalogue *c, struct export *e)
{
    e->document = open_memstream(&e->bytes, &e->length);
    if (!e->document)
        die("allocate", "memory");
    write_package_head(c, e->package);
    for (uint32_t i = 0; i < c->update_count; i++) {
        const struct update *u = &c->updates[i];
        bool is_newest_first = u->noise >> 48 & 1;
        for (uint32_t k = 0; u->change != REMOVED && k < u->revisions; k++)
            write_revision(c, e, i, is_newest_first ? u->revisions - 1 - k : k);
    }
    for (uint32_t i = 0; i < c->update_count; i++)
        if (c->updates[i].change == REVISED || c->updates[i].change == EXPIRED)
            write_revision(c, e, i, c->updates[i].revisions);
    fputs("</Updates></ExportPackage>", e->package);
    finish(e->package, "package.xml");
    finish(e->metadata, "metadata.txt");
    fclose(e->document);
    free(e->bytes);
}

static void report(const struct catalogue *c, const struct export *e)
{
    uint64_t updates = 0, files = 0, bytes = 0;
    for (uint32_t i = 0; i < c->update_count; i++)
        updates += c->updates[i].change != REMOVED;
    for (uint32_t i = 0; i < c->file_count; i++) {
        files += c->files[i].is_used;
        bytes += c->files[i].is_used ? c->files[i].size : 0;
    }
    printf("{\"updates\":%" PRIu64 ",\"revisions\":%" PRIu64 ",\"files\":%" PRIu64
           ",\"content_bytes\":%" PRIu64 ",\"metadata_bytes\":%" PRIu64 "}\n",
           updates, e->revisions, files, bytes, e->metadata_bytes);
}

/* ---- the command line ---- */

static uint64_t number(const char *text, uint64_t least, uint64_t most)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || value < least || value > most) {
        fprintf(stderr, "generate: %s is not a number from %" PRIu64 " to %" PRIu64 "\n", text,
                least, most);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        { "out", required_argument, NULL, 'o' }, { "updates", required_argument, NULL, 'u' },
        { "content-bytes", required_argument, NULL, 'c' },
        { "month", required_argument, NULL, 'm' }, { "seed", required_argument, NULL, 's' },
        { "small", no_argument, NULL, 'x' }, { "inside", no_argument, NULL, 'i' }, { NULL, 0, NULL, 0 },
    };
    struct catalogue c = { .seed = 1 };
    const char *out = NULL;
    uint64_t updates = 2000, bytes = 64000000;
    bool is_sized = false, is_inside = false;
    memset(c.lines, 0xFF, sizeof c.lines); /* all NONE */
    for (int option; (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        switch (option) {
        case 'o': out = optarg; break;
        case 'u': updates = number(optarg, 50, 2000000); is_sized = true; break;
        case 'c': bytes = number(optarg, 0, (uint64_t)1 << 42); is_sized = true; break;
        case 'm': c.is_month_2 = number(optarg, 1, 2) == 2; break;
        case 's': c.seed = number(optarg, 0, UINT64_MAX); break;
        case 'x': c.is_small = true; break;
        case 'i': is_inside = true; break;
        default: usage();
        }
    }
    bool is_too_little = bytes > 0 && bytes < 100000; /* the files could turn out equal */
    if (!out || optind != argc || (c.is_small && is_sized) || is_too_little)
        usage();
    if (c.is_small)
        plan_small(&c);
    else
        plan_big(&c, (uint32_t)updates, bytes);
    mark_used_files(&c);

    if ((mkdir(out, 0777) != 0 && errno != EEXIST) || chdir(out) != 0)
        die("create", out);
    if (mkdir("WsusContent", 0777) != 0) /* never mixes with an earlier run */
        die("create", "WsusContent");
    write_files(&c);
    struct export e = { .package = create("package.xml"), .metadata = create("metadata.txt"), .is_inside = is_inside };
    write_export(&c, &e);
    report(&c, &e);
    free(c.updates);
    free(c.files);
    return 0;
}
