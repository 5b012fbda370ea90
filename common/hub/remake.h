/*
 * remake.h - one data volume again, from its manifest.
 */
#ifndef SU_REMAKE_H
#define SU_REMAKE_H

#include "common/point/event.h"
#include "common/point/home.h"
#include "common/bundle/manifest.h"

/* Writes volume `number` into `dir`, synced. `frames` is the file of packed metadata joined in order.
 * A stored file that is gone or has changed is named. */
int su_volume_remake(const struct su_home *hub, const struct su_manifest *manifest, uint32_t number, int dir, int frames,
                     const struct su_events *events, struct su_err *err) SU_CHECKED;

#endif
