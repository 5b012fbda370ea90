/* The closure: prerequisites as AND of ORs, bundled updates at their revision, what travels and what is missing. */
#include "catalogue_helpers.h"

#include "common/catalogue/closure.h"
#include "common/catalogue/pin.h"

/* Categories of most tests: family 5 over product 10, product 11, classifications 20 and 21. */
static void put_categories(struct fixture *f)
{
    put(f, 5, 1, "Category/ProductFamily", "Windows", "");
    put(f, 10, 1, "Category/Product", "Windows 11", "c5");
    put(f, 11, 1, "Category/Product", "Office", "");
    put(f, 20, 1, "Category/UpdateClassification", "Security Updates", "");
    put(f, 21, 1, "Category/UpdateClassification", "Drivers", "");
}

static struct su_closure *walk(struct fixture *f, const unsigned *products, const unsigned *classifications)
{
    SU_AUTO(su_profile) struct su_profile profile = {0};
    for (; products && *products; products++)
        GOOD(su_profile_add(&profile, SU_ITEM_PRODUCT, guid_text(*products), &e));
    for (; classifications && *classifications; classifications++)
        GOOD(su_profile_add(&profile, SU_ITEM_CLASSIFICATION, guid_text(*classifications), &e));
    struct su_closure *c = su_closure_load(f->home.db, &e);
    assert_non_null(c);
    GOOD(su_closure_walk(c, &profile, &e));
    return c;
}
#define ONLY(...) (const unsigned[]){__VA_ARGS__, 0}

static int judge(struct fixture *f, struct su_closure_counts *counts)
{
    SU_AUTO(su_graph) struct su_graph *graph = su_graph_load(f->home.db, true, &e);
    return graph ? su_closure_judge(f->home.db, graph, counts, &e) : -1;
}

/* The rows carried, as "10.1 20.1 100.200". */
static void expect_carried(struct su_closure *c, const char *expected)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(10000);
    const struct su_graph *g = su_closure_graph(c);
    su_buf_adds(&text, "");
    for (size_t i = 0; i < g->rows.count; i++) {
        const uint8_t *id = g->nodes.at[g->rows.at[i].node].id.bytes;
        if (su_closure_carried(c)[g->rows.at[i].node])
            su_buf_addf(&text, "%s%u.%u", text.length ? " " : "", (unsigned)id[0] << 24 | (unsigned)id[1] << 16 | (unsigned)id[2] << 8 | id[3],
                        g->rows.at[i].revision);
    }
    assert_string_equal(text.bytes, expected);
}

static void expect_counts(const struct su_closure *c, uint64_t selected, uint64_t updates, uint64_t prerequisites, uint64_t bundled)
{
    struct su_closure_counts counts;
    su_closure_count(c, &counts);
    assert_int_equal(counts.selected, selected);
    assert_int_equal(counts.updates, updates);
    assert_int_equal(counts.prerequisites, prerequisites);
    assert_int_equal(counts.bundled, bundled);
}

static void expect_hole(const struct su_closure *c, size_t hole, const char *line, const char *chain)
{
    SU_AUTO(su_buf) struct su_buf have = SU_BUF_INIT(1000), told = SU_BUF_INIT(10000);
    GOOD(su_closure_hole_line(c, hole, &have, &e));
    assert_string_equal(have.bytes, line);
    GOOD(su_closure_hole_chain(c, hole, &told, &e));
    assert_string_equal(told.bytes, chain);
}

#define ID(n) "0000000" #n "-0000-4000-8000-00000000000" #n

static void test_everything_held(void **state)
{
    struct fixture *f = *state;
    put_categories(f);
    put(f, 1, 1, "Detectoid", "x64", "");
    put(f, 2, 1, "Detectoid", "arm64", "");
    put(f, 3, 1, "Detectoid", "1809 or later", "p1|2");
    put(f, 100, 200, "Software", "Update", "c10 c20 p1|2 p3");
    SU_AUTO(su_closure) struct su_closure *c = walk(f, ONLY(10), ONLY(20));
    assert_int_equal(su_closure_hole_count(c), 0);
    expect_carried(c, "1.1 2.1 3.1 5.1 10.1 20.1 100.200");
    expect_counts(c, 3, 7, 6, 0); /* the two categories by name and the update */
}

static void test_another_alternative_holds(void **state)
{
    struct fixture *f = *state;
    put_categories(f);
    put(f, 2, 1, "Detectoid", "arm64", "");
    put(f, 100, 200, "Software", "Update", "c10 c20 p1|2|3");
    SU_AUTO(su_closure) struct su_closure *c = walk(f, ONLY(10), ONLY(20));
    assert_int_equal(su_closure_hole_count(c), 0);
    expect_carried(c, "2.1 5.1 10.1 20.1 100.200");
}

static void test_all_alternatives_missing(void **state)
{
    struct fixture *f = *state;
    put_categories(f);
    put(f, 100, 200, "Software", "Update", "c10 c20 p3|2");
    SU_AUTO(su_closure) struct su_closure *c = walk(f, ONLY(10), ONLY(20));
    assert_int_equal(su_closure_hole_count(c), 1);
    expect_hole(c, 0, "prerequisite 00000064-0000-4000-8000-000000000064 200 " ID(2), /* the first in byte order */
                "selected 00000064-0000-4000-8000-000000000064 (Update) -> prerequisite " ID(2) " (or another of its clause): not held");
}

static void test_chain_names_the_path(void **state)
{
    struct fixture *f = *state;
    put_categories(f);
    put(f, 1, 7, "Detectoid", "first", "p2");
    put(f, 2, 8, "Detectoid", "second", "p9");
    put_doc(f, &(struct doc){.id = 100, .revision = 200, .title = "Cumulative Update", .property_children = "<upd:KBArticleID>5034123</upd:KBArticleID>",
                             .relations = "<upd:Prerequisites><upd:UpdateIdentity UpdateID=\"" ID(1) "\"/><upd:UpdateIdentity UpdateID=\"0000000a-0000-4000-8000-00000000000a\"/>"
                                          "<upd:UpdateIdentity UpdateID=\"00000014-0000-4000-8000-000000000014\"/></upd:Prerequisites>"});
    SU_AUTO(su_closure) struct su_closure *c = walk(f, ONLY(10), ONLY(20));
    assert_int_equal(su_closure_hole_count(c), 1);
    expect_hole(c, 0, "prerequisite " ID(2) " 8 " ID(9),
                "selected 00000064-0000-4000-8000-000000000064 (KB5034123 Cumulative Update) -> prerequisite " ID(1) " (first) -> prerequisite " ID(2)
                " (second) -> prerequisite " ID(9) ": not held");
    expect_carried(c, "1.7 2.8 5.1 10.1 20.1 100.200"); /* incomplete, but what there is travels */
}

static void test_bundled_revision_is_exact(void **state)
{
    struct fixture *f = *state;
    put_categories(f);
    put(f, 100, 200, "Software", "Bundle", "c10 c20 b7.5");
    put(f, 7, 4, "Software", "older child", "");
    put(f, 7, 6, "Software", "newer child", "");
    SU_AUTO(su_closure) struct su_closure *c = walk(f, ONLY(10), ONLY(20));
    assert_int_equal(su_closure_hole_count(c), 1);
    expect_hole(c, 0, "bundled 00000064-0000-4000-8000-000000000064 200 " ID(7) " 5",
                "selected 00000064-0000-4000-8000-000000000064 (Bundle) -> bundled update " ID(7) " revision 5: not held");
    put(f, 7, 5, "Software", "the child", "");
    SU_AUTO(su_closure) struct su_closure *again = walk(f, ONLY(10), ONLY(20));
    assert_int_equal(su_closure_hole_count(again), 0);
    expect_carried(again, "5.1 7.4 7.5 7.6 10.1 20.1 100.200"); /* all revisions of an id travel */
    expect_counts(again, 3, 5, 3, 1);
}

static void test_bundled_alternatives(void **state)
{
    struct fixture *f = *state;
    put_categories(f);
    put(f, 100, 200, "Software", "Bundle", "c10 c20 b7.5|8.6 b8.6|8.7");
    put(f, 8, 6, "Software", "child", "");
    SU_AUTO(su_closure) struct su_closure *c = walk(f, ONLY(10), ONLY(20));
    assert_int_equal(su_closure_hole_count(c), 0);
    expect_carried(c, "5.1 8.6 10.1 20.1 100.200");
    put(f, 100, 200, "Software", "Bundle", "c10 c20 b8.9|8.7");
    SU_AUTO(su_closure) struct su_closure *open = walk(f, ONLY(10), ONLY(20));
    assert_int_equal(su_closure_hole_count(open), 1);
    expect_hole(open, 0, "bundled 00000064-0000-4000-8000-000000000064 200 " ID(8) " 7", /* lowest target, lowest revision */
                "selected 00000064-0000-4000-8000-000000000064 (Bundle) -> bundled update " ID(8) " revision 7 (or another of its clause): not held");
}

static void test_cycles_close(void **state)
{
    struct fixture *f = *state;
    put_categories(f);
    put(f, 1, 1, "Detectoid", "a", "p2");
    put(f, 2, 1, "Detectoid", "b", "p3");
    put(f, 3, 1, "Detectoid", "c", "p1 p3");
    put(f, 100, 200, "Software", "Update", "c10 c20 p1");
    SU_AUTO(su_closure) struct su_closure *c = walk(f, ONLY(10), ONLY(20));
    assert_int_equal(su_closure_hole_count(c), 0);
    expect_carried(c, "1.1 2.1 3.1 5.1 10.1 20.1 100.200");
    put(f, 3, 1, "Detectoid", "c", "p1 p9"); /* the cycle leans on something absent */
    SU_AUTO(su_closure) struct su_closure *open = walk(f, ONLY(10), ONLY(20));
    assert_int_equal(su_closure_hole_count(open), 1);
    expect_carried(open, "1.1 2.1 3.1 5.1 10.1 20.1 100.200");
}

static void test_incomplete_alternative_stays_behind(void **state)
{
    struct fixture *f = *state;
    put_categories(f);
    put(f, 1, 1, "Detectoid", "whole", "");
    put(f, 2, 1, "Detectoid", "needs 3", "p3");
    put(f, 3, 1, "Detectoid", "needs 9, not held", "p9");
    put(f, 100, 200, "Software", "Update", "c10 c20 p1|2");
    SU_AUTO(su_closure) struct su_closure *c = walk(f, ONLY(10), ONLY(20));
    assert_int_equal(su_closure_hole_count(c), 0);
    expect_carried(c, "1.1 5.1 10.1 20.1 100.200");
    put(f, 100, 200, "Software", "Update", "c10 c20 p2|8"); /* no better one: it travels with its hole */
    SU_AUTO(su_closure) struct su_closure *open = walk(f, ONLY(10), ONLY(20));
    assert_int_equal(su_closure_hole_count(open), 1);
    expect_carried(open, "2.1 3.1 5.1 10.1 20.1 100.200");
}

/* Every revision of a carried id must close, not only the newest. */
static void test_old_revisions_count(void **state)
{
    struct fixture *f = *state;
    put_categories(f);
    put(f, 1, 1, "Detectoid", "needed by the old revision", "");
    put(f, 100, 200, "Software", "Update", "c10 c20 p1");
    put(f, 100, 201, "Software", "Update", "c10 c20");
    SU_AUTO(su_closure) struct su_closure *c = walk(f, ONLY(10), ONLY(20));
    expect_carried(c, "1.1 5.1 10.1 20.1 100.200 100.201");
    expect_counts(c, 3, 5, 6, 0);
    put(f, 100, 200, "Software", "Update", "c10 c20 p9");
    SU_AUTO(su_closure) struct su_closure *open = walk(f, ONLY(10), ONLY(20));
    assert_int_equal(su_closure_hole_count(open), 1);
}

static void put_selection(struct fixture *f)
{
    put_categories(f);
    put(f, 100, 1, "Software", "Windows 11 security", "c10 c20");
    put(f, 101, 1, "Driver", "Windows 11 driver", "c10 c21");
    put(f, 102, 1, "Software", "Office security", "c11 c20");
    put(f, 103, 1, "Software", "hidden, categories without IsCategory", "p10 p20");
    put(f, 104, 1, "Software", "either product", "c10|11 c20");
    put(f, 105, 1, "Software", "no categories", "");
    put(f, 106, 1, "Software", "was Windows 11", "c10 c20");
    put(f, 106, 2, "Software", "is Office now", "c11 c20");
    put(f, 107, 1, "Detectoid", "no update", "c10 c20");
}

static void test_selection(void **state)
{
    struct fixture *f = *state;
    put_selection(f);
    SU_AUTO(su_closure) struct su_closure *both = walk(f, ONLY(10), ONLY(20));
    expect_carried(both, "5.1 10.1 11.1 20.1 100.1 103.1 104.1"); /* 11 as an alternative of 104 */
    expect_counts(both, 5, 7, 7, 0);
    SU_AUTO(su_closure) struct su_closure *product = walk(f, ONLY(10), NULL);
    expect_carried(product, "5.1 10.1 11.1 20.1 21.1 100.1 101.1 103.1 104.1");
    SU_AUTO(su_closure) struct su_closure *classification = walk(f, NULL, ONLY(21));
    expect_carried(classification, "5.1 10.1 21.1 101.1");
    SU_AUTO(su_closure) struct su_closure *family = walk(f, ONLY(5), ONLY(20)); /* everything below the family */
    expect_carried(family, "5.1 10.1 11.1 20.1 100.1 103.1 104.1");
    SU_AUTO(su_closure) struct su_closure *two = walk(f, ONLY(10, 11), ONLY(20));
    expect_carried(two, "5.1 10.1 11.1 20.1 100.1 102.1 103.1 104.1 106.1 106.2");
    SU_AUTO(su_closure) struct su_closure *nothing = walk(f, ONLY(11), ONLY(21));
    expect_carried(nothing, "11.1 21.1");
    SU_AUTO(su_closure) struct su_closure *unknown = walk(f, ONLY(99), ONLY(20));
    expect_carried(unknown, "20.1");
    SU_AUTO(su_closure) struct su_closure *all = walk(f, NULL, NULL); /* no filter means everything */
    expect_counts(all, 13, 13, 17, 0);
}

static void test_children_follow_their_bundle(void **state)
{
    struct fixture *f = *state;
    put_categories(f);
    put(f, 100, 1, "Software", "Bundle", "c10 c20 b201.1");
    put(f, 201, 1, "Software", "child without categories", "b202.1 p1");
    put(f, 202, 1, "Software", "grandchild", "");
    put(f, 1, 1, "Detectoid", "of the child", "");
    put(f, 101, 1, "Software", "bundle of another product", "c11 c20 b203.1");
    put(f, 203, 1, "Software", "its child", "");
    SU_AUTO(su_closure) struct su_closure *c = walk(f, ONLY(10), ONLY(20));
    expect_carried(c, "1.1 5.1 10.1 20.1 100.1 201.1 202.1");
    expect_counts(c, 3, 7, 4, 2);
    SU_AUTO(su_buf) struct su_buf why = SU_BUF_INIT(10000);
    struct su_guid grandchild = guid_of(202), other = guid_of(203), absent = guid_of(999);
    GOOD(su_closure_explain(c, &grandchild, &why, &e));
    assert_string_equal(why.bytes, "selected 00000064-0000-4000-8000-000000000064 (Bundle) -> bundled update 000000c9-0000-4000-8000-0000000000c9 (child without categories)"
                                   " -> bundled update 000000ca-0000-4000-8000-0000000000ca (grandchild)");
    REFUSED(su_closure_explain(c, &other, &why, &e), SU_NOT_FOUND);
    NAMES("does not travel");
    REFUSED(su_closure_explain(c, &absent, &why, &e), SU_NOT_FOUND);
    NAMES("not in the catalogue");
}

/* A pinned update is selected beside what the profile selects, with all it needs. */
static void test_pinned(void **state)
{
    struct fixture *f = *state;
    put_selection(f);
    struct su_guid pinned = guid_of(102), also = guid_of(100), absent = guid_of(999);
    bool has;
    GOOD(su_pin_add(f->home.db, &pinned, SU_PIN_CATALOGUE, NULL, &e));
    GOOD(su_pin_add(f->home.db, &pinned, SU_PIN_OPERATOR, "twice", &e)); /* stays as it is */
    GOOD(su_pin_add(f->home.db, &also, SU_PIN_THIRD_PARTY, "selected anyway", &e));
    GOOD(su_pin_add(f->home.db, &absent, SU_PIN_OPERATOR, "not held", &e));
    SU_AUTO(su_closure) struct su_closure *c = walk(f, ONLY(10), ONLY(20));
    expect_carried(c, "5.1 10.1 11.1 20.1 100.1 102.1 103.1 104.1");
    expect_counts(c, 6, 8, 9, 0);
    SU_AUTO(su_buf) struct su_buf why = SU_BUF_INIT(10000);
    GOOD(su_closure_explain(c, &pinned, &why, &e));
    assert_memory_equal(why.bytes, "selected: pinned 00000066-", 26);
    su_buf_clear(&why);
    GOOD(su_closure_explain(c, &also, &why, &e));
    assert_memory_equal(why.bytes, "selected 00000064-", 18);
    assert_int_equal(su_closure_exclusion(c, &pinned), SU_TRAVELS);
    SU_AUTO(su_closure) struct su_closure *all = walk(f, NULL, NULL);
    expect_counts(all, 13, 13, 17, 0);
    /* The books: what a selection depends on. */
    uint8_t three[SU_SHA256_BYTES], two[SU_SHA256_BYTES];
    uint64_t count;
    GOOD(su_pin_digest(f->home.db, three, &count, &e));
    assert_int_equal(count, 3);
    GOOD(su_pin_remove(f->home.db, &absent, &e));
    GOOD(su_pin_remove(f->home.db, &absent, &e));
    GOOD(su_pin_digest(f->home.db, two, &count, &e));
    assert_int_equal(count, 2);
    assert_memory_not_equal(two, three, sizeof two);
    GOOD(su_pin_has(f->home.db, &absent, &has, &e));
    assert_false(has);
    GOOD(su_pin_has(f->home.db, &pinned, &has, &e));
    assert_true(has);
    SU_AUTO(su_buf) struct su_buf pins = SU_BUF_INIT(1000);
    GOOD(su_query_text(f->home.db, &pins, NULL, &e, "SELECT group_concat(reason||' '||note, ';') FROM (SELECT * FROM pin ORDER BY update_id)"));
    assert_string_equal(pins.bytes, "third-party selected anyway;catalogue ");
}

/* What a pinned update lacks is a hole like any other. */
static void test_pinned_with_a_hole(void **state)
{
    struct fixture *f = *state;
    put_categories(f);
    put(f, 100, 200, "Software", "Update", "c10 c20 p3");
    struct su_guid id = guid_of(100);
    GOOD(su_pin_add(f->home.db, &id, SU_PIN_OPERATOR, NULL, &e));
    SU_AUTO(su_closure) struct su_closure *c = walk(f, ONLY(11), ONLY(20));
    assert_int_equal(su_closure_hole_count(c), 1);
    expect_hole(c, 0, "prerequisite 00000064-0000-4000-8000-000000000064 200 " ID(3),
                "selected: pinned 00000064-0000-4000-8000-000000000064 (Update) -> prerequisite " ID(3) ": not held");
}

static void test_category_chain_is_named_so(void **state)
{
    struct fixture *f = *state;
    put_categories(f);
    put(f, 100, 1, "Software", "Update", "c10 c20");
    SU_AUTO(su_closure) struct su_closure *c = walk(f, NULL, ONLY(20));
    SU_AUTO(su_buf) struct su_buf why = SU_BUF_INIT(10000);
    struct su_guid family = guid_of(5);
    GOOD(su_closure_explain(c, &family, &why, &e));
    assert_string_equal(why.bytes, "selected 00000064-0000-4000-8000-000000000064 (Update) -> category 0000000a-0000-4000-8000-00000000000a (Windows 11) -> category " ID(5) " (Windows)");
}

static void test_empty_catalogue(void **state)
{
    struct fixture *f = *state;
    struct su_closure_counts counts = {.updates = 1};
    SU_AUTO(su_closure) struct su_closure *c = walk(f, NULL, NULL);
    expect_carried(c, "");
    assert_int_equal(su_closure_hole_count(c), 0);
    GOOD(judge(f, &counts));
    assert_true(counts.updates == 0 && counts.prerequisites == 0 && counts.bundled == 0);
}

/* --- Random catalogues against a slow model that follows the words of closure.h --- */

#define NODES 24
#define CLAUSES 5
#define WAYS 3

struct clause { unsigned count; bool is_bundled; unsigned target[WAYS], revision[WAYS]; };
struct node { bool is_held, is_selected, is_closable, is_carried; unsigned clauses; struct clause clause[CLAUSES]; };

static unsigned random_state;
static unsigned dice(unsigned sides)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 10) % sides;
}

/* Held at its exact revision when bundled; all nodes here have the one revision 1. */
static bool is_there(const struct node *nodes, const struct clause *c, unsigned k)
{
    return nodes[c->target[k]].is_held && (!c->is_bundled || c->revision[k] == 1);
}

static void model_walk(struct node *nodes)
{
    for (unsigned i = 1; i < NODES; i++)
        nodes[i].is_closable = nodes[i].is_held, nodes[i].is_carried = nodes[i].is_selected;
    for (bool changed = true; changed;) {
        changed = false;
        for (unsigned i = 1; i < NODES; i++)
            for (unsigned k = 0; nodes[i].is_closable && k < nodes[i].clauses; k++) {
                const struct clause *c = &nodes[i].clause[k];
                bool holds = false;
                for (unsigned a = 0; a < c->count; a++)
                    holds |= is_there(nodes, c, a) && nodes[c->target[a]].is_closable;
                if (!holds)
                    nodes[i].is_closable = false, changed = true;
            }
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (unsigned i = 1; i < NODES; i++)
            for (unsigned k = 0; nodes[i].is_carried && k < nodes[i].clauses; k++) {
                const struct clause *c = &nodes[i].clause[k];
                bool holds = false;
                for (unsigned a = 0; a < c->count; a++)
                    holds |= is_there(nodes, c, a) && nodes[c->target[a]].is_closable;
                for (unsigned a = 0; a < c->count; a++)
                    if (is_there(nodes, c, a) && !nodes[c->target[a]].is_carried && (!holds || nodes[c->target[a]].is_closable))
                        nodes[c->target[a]].is_carried = true, changed = true;
            }
    }
}

static void make_random(struct node *nodes)
{
    memset(nodes, 0, NODES * sizeof *nodes);
    for (unsigned i = 1; i < NODES; i++) {
        nodes[i].is_held = dice(8) > 0;
        nodes[i].clauses = dice(CLAUSES);
        for (unsigned k = 0; k < nodes[i].clauses; k++) {
            struct clause *c = &nodes[i].clause[k];
            c->count = 1 + dice(WAYS);
            c->is_bundled = dice(4) == 0;
            for (unsigned a = 0; a < c->count; a++) {
                c->target[a] = 1 + dice(NODES - 1);
                c->revision[a] = 1 + (dice(6) == 0);
            }
        }
        nodes[i].is_selected = nodes[i].is_held && dice(4) == 0;
    }
}

static void put_random(struct fixture *f, const struct node *nodes, bool carried_only)
{
    put(f, 1000, 1, "Category/Product", "product", "");
    for (unsigned i = 1; i < NODES; i++) {
        SU_AUTO(su_buf) struct su_buf spec = SU_BUF_INIT(10000);
        su_buf_adds(&spec, nodes[i].is_selected ? "c1000" : "");
        for (int bundled = 0; bundled <= 1; bundled++)
            for (unsigned k = 0; k < nodes[i].clauses; k++) {
                const struct clause *c = &nodes[i].clause[k];
                if (c->is_bundled != (bundled == 1))
                    continue;
                for (unsigned a = 0; a < c->count; a++) {
                    su_buf_addf(&spec, "%s%u", a ? "|" : bundled ? " b" : " p", c->target[a]);
                    if (bundled)
                        su_buf_addf(&spec, ".%u", c->revision[a]);
                }
            }
        if (carried_only ? nodes[i].is_carried : nodes[i].is_held)
            put(f, i, 1, "Software", "random", spec.bytes[0] == ' ' ? spec.bytes + 1 : spec.bytes);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All lines, sorted, each once. */
static void joined(char **lines, size_t count, struct su_buf *out)
{
    qsort(lines, count, sizeof *lines, by_text); /* NOLINT(uninitvar): as many as `count` are set */
    su_buf_adds(out, "");
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(lines[i], lines[i - 1]) != 0)
            su_buf_addf(out, "%s\n", lines[i]);
    for (size_t i = 0; i < count; i++)
        free(lines[i]);
}

static void model_holes(const struct node *nodes, struct su_buf *out)
{
    char *lines[NODES * CLAUSES];
    size_t count = 0;
    for (unsigned i = 1; i < NODES; i++)
        for (unsigned k = 0; nodes[i].is_carried && k < nodes[i].clauses; k++) {
            const struct clause *c = &nodes[i].clause[k];
            unsigned best = 0;
            bool is_open = true;
            for (unsigned a = 0; a < c->count; a++) {
                is_open &= !(is_there(nodes, c, a) && nodes[c->target[a]].is_carried);
                if (c->target[a] < c->target[best] || (c->target[a] == c->target[best] && c->revision[a] < c->revision[best]))
                    best = a;
            }
            if (!is_open)
                continue;
            char *line = NULL;
            int n = c->is_bundled ? asprintf(&line, "bundled %s 1 %s %u", guid_text(i), guid_text(c->target[best]), c->revision[best])
                                  : asprintf(&line, "prerequisite %s 1 %s", guid_text(i), guid_text(c->target[best]));
            assert_true(n > 0);
            lines[count++] = line;
        }
    joined(lines, count, out);
}

static void closure_holes(const struct su_closure *c, struct su_buf *out)
{
    size_t count = su_closure_hole_count(c);
    char **lines = calloc(count + 1, sizeof *lines);
    assert_non_null(lines);
    for (size_t i = 0; i < count; i++) {
        SU_AUTO(su_buf) struct su_buf line = SU_BUF_INIT(1000);
        GOOD(su_closure_hole_line(c, i, &line, &e));
        lines[i] = strdup(line.bytes);
    }
    joined(lines, count, out);
    free(lines);
}

static void test_random_catalogues(void **state)
{
    struct fixture *f = *state;
    unsigned complete = 0, incomplete = 0;
    for (unsigned round = 0; round < 60; round++) {
        static struct node nodes[NODES];
        random_state = round * 7919 + 1;
        make_random(nodes);
        if (round % 2) /* without gaps, so that complete ones occur */
            for (unsigned i = 1; i < NODES; i++) {
                nodes[i].is_held = true;
                for (unsigned k = 0; k < nodes[i].clauses; k++)
                    for (unsigned a = 0; a < WAYS; a++)
                        nodes[i].clause[k].revision[a] = 1;
            }
        model_walk(nodes);
        uint64_t updates = 1, selected = 1, prerequisites = 0, bundled = 0; /* the product itself */
        SU_AUTO(su_buf) struct su_buf carried = SU_BUF_INIT(10000), expected = SU_BUF_INIT(100000), have = SU_BUF_INIT(100000), open = SU_BUF_INIT(100000);
        for (unsigned i = 1; i < NODES; i++) {
            selected += nodes[i].is_selected;
            if (!nodes[i].is_carried)
                continue;
            updates++;
            su_buf_addf(&carried, "%u.1 ", i);
            prerequisites += nodes[i].is_selected; /* the clause that names the product */
            for (unsigned k = 0; k < nodes[i].clauses; k++)
                (*(nodes[i].clause[k].is_bundled ? &bundled : &prerequisites))++;
        }
        su_buf_adds(&carried, "1000.1");
        model_holes(nodes, &expected);

        put_random(f, nodes, false);
        SU_AUTO(su_closure) struct su_closure *c = walk(f, ONLY(1000), NULL);
        expect_carried(c, carried.bytes);
        expect_counts(c, selected, updates, prerequisites, bundled);
        closure_holes(c, &have);
        assert_string_equal(have.bytes, expected.bytes);
        *(expected.length ? &incomplete : &complete) += 1;
        GOOD(su_run(f->home.db, &e, "DELETE FROM document"));
        GOOD(su_run(f->home.db, &e, "DELETE FROM revision"));
        GOOD(su_db_script(f->home.db, "DELETE FROM info; DELETE FROM title; DELETE FROM tag; DELETE FROM prerequisite; DELETE FROM bundled;"
                                      "INSERT INTO search (search) VALUES ('delete-all');", &e));

        /* What a site that holds exactly this computes for itself. */
        struct su_closure_counts counts;
        put_random(f, nodes, true);
        GOOD(judge(f, &counts));
        assert_int_equal(counts.updates, updates);
        assert_int_equal(counts.prerequisites, prerequisites);
        assert_int_equal(counts.bundled, bundled);
        bool found;
        GOOD(su_query_text(f->home.db, &open, &found, &e, "SELECT coalesce(group_concat(line||char(10), ''), '') FROM (SELECT line FROM temp.open_clause ORDER BY line)"));
        assert_string_equal(open.bytes, expected.bytes);
        GOOD(su_run(f->home.db, &e, "DELETE FROM document"));
        GOOD(su_run(f->home.db, &e, "DELETE FROM revision"));
        GOOD(su_db_script(f->home.db, "DELETE FROM info; DELETE FROM title; DELETE FROM tag; DELETE FROM prerequisite; DELETE FROM bundled;"
                                      "INSERT INTO search (search) VALUES ('delete-all');", &e));
    }
    assert_true(complete > 5 && incomplete > 5); /* the dice did show both */
}

/* A long chain and a wide fan: linear work, no recursion. */
static void test_long_chain(void **state)
{
    struct fixture *f = *state;
    put(f, 1, 1, "Category/Product", "product", "");
    for (unsigned i = 2; i < 1500; i++) {
        char spec[32];
        (void)snprintf(spec, sizeof spec, "p%u", i + 1);
        put(f, i, 1, i == 2 ? "Software" : "Detectoid", "link", i == 2 ? "c1 p3" : spec);
    }
    SU_AUTO(su_closure) struct su_closure *open = walk(f, ONLY(1), NULL);
    assert_int_equal(su_closure_hole_count(open), 1);
    expect_counts(open, 2, 1499, 1499, 0);
    put(f, 1500, 1, "Detectoid", "end", "");
    SU_AUTO(su_closure) struct su_closure *c = walk(f, ONLY(1), NULL);
    assert_int_equal(su_closure_hole_count(c), 0);
    expect_counts(c, 2, 1500, 1499, 0);
}

static int load(struct fixture *f)
{
    SU_AUTO(su_closure) struct su_closure *c = su_closure_load(f->home.db, &e);
    return c ? 0 : -1;
}

static int load_and_walk(struct fixture *f)
{
    SU_AUTO(su_profile) struct su_profile profile = {0};
    SU_AUTO(su_closure) struct su_closure *c = su_closure_load(f->home.db, &e);
    GOOD(su_profile_add(&profile, SU_ITEM_PRODUCT, guid_text(10), &e));
    return c && su_closure_walk(c, &profile, &e) == 0 ? 0 : -1;
}

static int load_and_judge(struct fixture *f)
{
    struct su_closure_counts counts;
    return judge(f, &counts);
}

static void test_no_failure_is_swallowed(void **state)
{
    struct fixture *f = *state;
    put_selection(f);
    fails_without(f, NEEDED("revision", "info"), load);
    fails_without(f, NEEDED("revision", "info", "pin"), load_and_walk);
    fails_without(f, NEEDED("revision", "info"), load_and_judge);
}

int main(void)
{
#define HELD(test) cmocka_unit_test_setup_teardown(test, make_fixture, drop_fixture)
    const struct CMUnitTest tests[] = {
        HELD(test_everything_held),
        HELD(test_another_alternative_holds),
        HELD(test_all_alternatives_missing),
        HELD(test_chain_names_the_path),
        HELD(test_bundled_revision_is_exact),
        HELD(test_bundled_alternatives),
        HELD(test_cycles_close),
        HELD(test_incomplete_alternative_stays_behind),
        HELD(test_old_revisions_count),
        HELD(test_selection),
        HELD(test_children_follow_their_bundle),
        HELD(test_pinned),
        HELD(test_pinned_with_a_hole),
        HELD(test_category_chain_is_named_so),
        HELD(test_empty_catalogue),
        HELD(test_random_catalogues),
        HELD(test_long_chain),
        HELD(test_no_failure_is_swallowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
