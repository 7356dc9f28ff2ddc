/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/json.h"
#include "hermetic/view.h"

/*
 * What a RUN step sees of the machine that builds it: the one place where an OCI bundle is changed
 * before it runs. Nothing of it enters the image's config, and what the Dockerfile's own ENV sets
 * stays as it is.
 *
 *   environment  SOURCE_DATE_EPOCH, TZ=UTC, PYTHONHASHSEED=0, LANG=C.UTF-8 (unless LANG or any LC_
 *                is set); HOSTNAME where the engine put its random one; without the random
 *                identity of BuildKit's tracing; sorted by name, for engines hand build arguments
 *                over in any order
 *   host name    "selfsame"; /etc/hosts knows it and localhost only
 *   umask        022
 *   /etc/hostname, /run/.containerenv  the image's own, if it has any: BuildKit mounts nothing over
 *                them, buildah a random name and its version
 *
 * /etc/resolv.conf stays the engine's: it is mounted, not stored, and names must resolve (but see
 * step_net.h).
 *
 * A view (view.h) has other values for some of these, and more: variables over all others, a long
 * PATH, a domain, a memory limit, a user name space.
 */
#define HERMETIC_HOST "selfsame"

/* The name of our /etc/hosts in the bundle. */
#define HERMETIC_HOSTS_FILE "selfsame-hosts"

/* What a step finds in /etc/hosts. */
SS_NONNULL void hermetic_hosts(const struct hm_view *view, struct ss_buf *ret);

/*
 * Changes `config` (a bundle's config.json) in place. `epoch` is decimal text; NULL = the step's
 * own SOURCE_DATE_EPOCH, without which it is refused. The mount of /etc/hosts gets the source
 * "<bundle>/selfsame-hosts"; the caller writes that file.
 */
SS_MUST_CHECK int hermetic_step_apply(json_t *config, const char *bundle, const char *epoch,
				      const struct hm_view *view, struct ss_err *err);
