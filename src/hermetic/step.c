/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/step.h"

#include "base/mem.h"
#include "base/sort.h"

#include <assert.h>
#include <string.h>

const struct hermetic_file hermetic_files[] = {
	{ "/etc/hosts", "selfsame-hosts", HERMETIC_HOSTS },
	{ "/etc/hostname", "selfsame-hostname", HERMETIC_HOST "\n" },
	{ "/run/.containerenv", "selfsame-containerenv", "" },
	{ NULL, NULL, NULL },
};

/* Index of the first entry that begins with `prefix`, or the size if there is none. */
static size_t env_at(const json_t *env, const char *prefix)
{
	const size_t n = json_array_size(env);

	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(env, i));

		if (s != NULL && strncmp(s, prefix, strlen(prefix)) == 0)
			return i;
	}
	return n;
}

static bool env_has(const json_t *env, const char *prefix)
{
	return env_at(env, prefix) < json_array_size(env);
}

static void env_add(json_t *env, const char *name, const char *value)
{
	int rc = 0;

	if (!env_has(env, name))
		rc = json_array_append_new(env, json_sprintf("%s%s", name, value));
	assert(rc == 0);
}

/* The engine gives the step its random container name; a name that the Dockerfile set stays. */
static void env_rename_host(json_t *env, const char *engine_host)
{
	const size_t i = env_at(env, "HOSTNAME=");
	const char *s = json_string_value(json_array_get(env, i));

	if (s != NULL && engine_host != NULL && strcmp(s + strlen("HOSTNAME="), engine_host) == 0)
		(void)json_array_set_new(env, i, json_string("HOSTNAME=" HERMETIC_HOST));
}

struct env_row {
	const char *s;
	size_t at;
};

static int by_name(const void *a, const void *b)
{
	const struct env_row *x = a, *y = b;
	const size_t xn = strcspn(x->s, "="), yn = strcspn(y->s, "=");
	const int d = memcmp(x->s, y->s, xn < yn ? xn : yn);

	if (d != 0 || xn != yn)
		return d != 0 ? d : xn < yn ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at; /* of one name twice, the last stays the last */
}

/* buildah hands build arguments over in another order each time (seen in 1.28). */
static json_t *env_sorted(const json_t *env)
{
	const size_t n = json_array_size(env);
	AUTO_FREE struct env_row *rows = ss_calloc(n, sizeof(*rows));
	json_t *ret = json_array();

	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(env, i));

		rows[i] = (struct env_row){ s != NULL ? s : "", i };
	}
	ss_sort(rows, n, sizeof(*rows), by_name);
	for (size_t i = 0; i < n; i++)
		(void)json_array_append(ret, json_array_get(env, rows[i].at));
	return ret;
}

static int fix_process(json_t *config, const char *epoch, const char *engine_host,
		       struct ss_err *err)
{
	json_t *process = json_object_get(config, "process");
	json_t *env = json_object_get(process, "env");
	json_t *user = json_object_get(process, "user");

	if (!json_is_object(process) || !json_is_object(user))
		return ss_fail(err, SS_EINPUT, "the bundle has no process with a user");
	if (env == NULL) {
		env = json_array();
		(void)json_object_set_new(process, "env", env);
	}
	if (!json_is_array(env))
		return ss_fail(err, SS_EINPUT, "the bundle's process.env is not a list");
	env_rename_host(env, engine_host);
	env_add(env, "SOURCE_DATE_EPOCH=", epoch);
	env_add(env, "TZ=", "UTC");
	env_add(env, "PYTHONHASHSEED=", "0");
	if (!env_has(env, "LC_"))
		env_add(env, "LANG=", "C.UTF-8");
	(void)json_object_set_new(process, "env", env_sorted(env));
	(void)json_object_set_new(user, "umask", json_integer(022));
	return 0;
}

static void fix_mount(json_t *mount, const char *bundle)
{
	const char *at = json_string_value(json_object_get(mount, "destination"));

	for (const struct hermetic_file *f = hermetic_files; at != NULL && f->at != NULL; f++)
		if (strcmp(at, f->at) == 0)
			(void)json_object_set_new(mount, "source",
						  json_sprintf("%s/%s", bundle, f->name));
}

int hermetic_step_apply(json_t *config, const char *bundle, const char *epoch, struct ss_err *err)
{
	const char *engine_host = json_string_value(json_object_get(config, "hostname"));
	const json_t *mounts = json_object_get(config, "mounts");

	if (!json_is_object(config))
		return ss_fail(err, SS_EINPUT, "the bundle's config is not a JSON object");
	if (fix_process(config, epoch, engine_host, err) < 0)
		return -1;
	(void)json_object_set_new(config, "hostname", json_string(HERMETIC_HOST));
	for (size_t i = 0; i < json_array_size(mounts); i++)
		fix_mount(json_array_get(mounts, i), bundle);
	return 0;
}
