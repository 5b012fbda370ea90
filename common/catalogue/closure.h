/*
 * closure.h - everything a selected update needs: prerequisites (AND of ORs), bundled updates at
 * their exact revision, categories.
 *
 * The catalogue's relations become a graph of update ids. An id is closable when every clause of
 * every revision of it has a closable alternative; cycles of held updates close each other. What is
 * carried: the selected ids (by profile, but for what a rule has expired, lifecycle.h; or because they are pinned,
 * pin.h) and, from them, every closable
 * alternative, so that a site judges applicability as the hub would. A selected id that is not closable makes the closure incomplete.
 */
#ifndef SU_CLOSURE_H
#define SU_CLOSURE_H

#include "common/catalogue/graph.h"
#include "common/catalogue/profile.h"

struct su_closure;
struct su_closure *su_closure_load(struct su_db *db, struct su_err *err);
void su_closure_cleanup(struct su_closure **closure);
const struct su_graph *su_closure_graph(const struct su_closure *closure);

/* Selects by profile and walks. Holes do not fail here: ask su_closure_hole_count. */
int su_closure_walk(struct su_closure *closure, const struct su_profile *profile, struct su_err *err) SU_CHECKED;

/* The same from what an urgent bundle is for: what is pinned, and what came by catalogue import. */
int su_closure_walk_urgent(struct su_closure *closure, struct su_err *err) SU_CHECKED;

struct su_closure_counts {
    uint64_t selected, updates, prerequisites, bundled; /* the last two: clauses of carried revisions */
};
void su_closure_count(const struct su_closure *closure, struct su_closure_counts *out);
/* By node: whether it is carried. */
const bool *su_closure_carried(const struct su_closure *closure);

/* Clauses of carried revisions with no carried alternative, as the manifest's lines (without
 * "hole "), and the chain that leads there for people. */
size_t su_closure_hole_count(const struct su_closure *closure);
int su_closure_hole_line(const struct su_closure *closure, size_t hole, struct su_buf *out, struct su_err *err) SU_CHECKED;
int su_closure_hole_chain(const struct su_closure *closure, size_t hole, struct su_buf *out, struct su_err *err) SU_CHECKED;

/* Why an id is carried: the chain from a selected update. SU_NOT_FOUND when it is not. */
int su_closure_explain(const struct su_closure *closure, const struct su_guid *id, struct su_buf *out, struct su_err *err) SU_CHECKED;

/* Why an id does not travel, from the very selection the walk made. */
enum su_exclusion { SU_TRAVELS, SU_NO_PRODUCT, SU_NO_CLASSIFICATION, SU_NEITHER, SU_NOT_NEEDED, SU_RULED_OUT };
#define SU_EXCLUSIONS 6
enum su_exclusion su_closure_exclusion(const struct su_closure *closure, const struct su_guid *id);

/* For a site, of everything that is held: clause counts, and temp.open_clause (line) with every clause
 * that has no held alternative. */
int su_closure_judge(struct su_db *db, const struct su_graph *graph, struct su_closure_counts *out, struct su_err *err) SU_CHECKED;

#endif
