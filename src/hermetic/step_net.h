/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/json.h"
#include "hermetic/view.h"

/*
 * The network of a step whose fetches are recorded: a network name space of its own with nothing
 * but a loopback interface, and on that the doors to the recorder (io/doors.h), which runs in the
 * build's own process.
 *
 * Programs find the recorder by their proxy variables, and trust its certificate by the variables
 * that name a file of certificates. What these name lies in a folder below /dev, which is mounted
 * for the step alone: nothing of it reaches the image.
 */
#define HERMETIC_NET_ENV "SELFSAME_STEP_NET" /* the build's folder: doors, and */
#define HERMETIC_NET_CA "authority.pem"      /* the recorder's certificate */
#define HERMETIC_NET_JAVA "authority.jks"    /* the same for Java */
#define HERMETIC_NET_LEVEL "level"           /* a file for what a step's level was (sup_level.c) */
#define HERMETIC_NET_LIGHT "light"           /* who serves the doors says so of a step: no stat */
#define HERMETIC_NET_DIR "/dev/selfsame"     /* in the step */

/* Sets v->net, and the variables. */
SS_NONNULL void hm_view_net(struct hm_view *v);
/* After that: only the variables say whom to trust, the image's own files stay as they are. */
SS_NONNULL void hm_view_variables(struct hm_view *v);

/*
 * Changes `config`: no other name space of the network, our files. `dir` is the build's folder;
 * what is mounted is written into `bundle`. `net` is the view's.
 */
SS_MUST_CHECK SS_NONNULL int hermetic_net_apply(json_t *config, const char *bundle, const char *dir,
						int64_t net, struct ss_err *err);
/* This process, and with it the real runtime and the step, leaves the network for a new one, whose
 * doors go to the recorder. `config` is the bundle's, as the engine made it. *ret_light: the step
 * needs no stat emulation. */
SS_MUST_CHECK SS_NONNULL int hermetic_net_enter(const json_t *config, const char *dir,
						bool *ret_light, struct ss_err *err);
/* What the supervisor says of the step's level comes back in the build's folder: its file is
 * mounted at `at` in the step. After hermetic_supervise(). */
SS_MUST_CHECK SS_NONNULL int hermetic_net_level(json_t *config, const char *dir, const char *at,
						struct ss_err *err);
/* The same for the engine itself, which may fetch what ADD names: its words are run. Comes back
 * only with an error. */
SS_MUST_CHECK SS_NONNULL int hermetic_net_engine(char **words, const char *dir, struct ss_err *err);
/* The step that began last is over. */
SS_MUST_CHECK SS_NONNULL int hermetic_net_leave(const char *dir, struct ss_err *err);
