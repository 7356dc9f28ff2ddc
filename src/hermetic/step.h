/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/json.h"

/*
 * What a RUN step sees of the machine that builds it: the one place where an OCI bundle is changed
 * before it runs. Nothing of it enters the image's config, and what the Dockerfile's own ENV sets
 * stays as it is.
 *
 *   environment  SOURCE_DATE_EPOCH, TZ=UTC, PYTHONHASHSEED=0, LANG=C.UTF-8 (unless LANG or any LC_
 *                is set); HOSTNAME where the engine put its random one; sorted by name, for
 *                engines hand build arguments over in any order
 *   host name    "selfsame", also in /etc/hostname; /etc/hosts knows it and localhost only
 *   umask        022
 *   /run/.containerenv  empty: the engine's own names the container
 *
 * /etc/resolv.conf stays the engine's: it is mounted, not stored, and names must resolve.
 */
#define HERMETIC_HOST "selfsame"
#define HERMETIC_HOSTS                                                                             \
	"127.0.0.1\tlocalhost " HERMETIC_HOST "\n::1\tlocalhost ip6-localhost ip6-loopback\n"

/* A bind mount whose content is ours: where it appears, our file's name in the bundle, its text. */
struct hermetic_file {
	const char *at;
	const char *name;
	const char *text;
};
/* Ends with a row whose `at` is NULL. */
extern const struct hermetic_file hermetic_files[];

/*
 * Changes `config` (a bundle's config.json) in place. `epoch` is decimal text. Sources of the
 * mounts in hermetic_files become "<bundle>/<name>"; the caller writes those files.
 */
SS_MUST_CHECK int hermetic_step_apply(json_t *config, const char *bundle, const char *epoch,
				      struct ss_err *err);
