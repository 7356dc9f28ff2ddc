/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/step.h"

#include "base/mem.h"
#include "base/sort.h"

#include <assert.h>
#include <string.h>

#define TRACE_SOCKET "/dev/otel-grpc.sock"
#define TRACE_ENDPOINT "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=unix:///dev/otel-grpc.sock"

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

/*
 * BuildKit appends these to each step of a client that is traced, as its own always is: two of them
 * are random. Variables of the same names that point elsewhere are the image's own.
 */
static void env_untrace(json_t *env)
{
	static const char *const front[] = {
		"OTEL_TRACES_EXPORTER=otlp",
		TRACE_ENDPOINT,
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc",
		"OTEL_TRACE_PARENT=",
		"TRACEPARENT=",
		"TRACESTATE=",
	};

	if (!env_has(env, TRACE_ENDPOINT))
		return;
	for (size_t i = 0; i < SS_NELEMS(front); i++)
		while (env_has(env, front[i]))
			(void)json_array_remove(env, env_at(env, front[i]));
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
	if (epoch == NULL && !env_has(env, "SOURCE_DATE_EPOCH="))
		return ss_fail(err, SS_EUSAGE,
			       "neither SELFSAME_STEP_EPOCH nor the step's "
			       "SOURCE_DATE_EPOCH is set");
	env_untrace(env);
	env_rename_host(env, engine_host);
	if (epoch != NULL)
		env_add(env, "SOURCE_DATE_EPOCH=", epoch);
	env_add(env, "TZ=", "UTC");
	env_add(env, "PYTHONHASHSEED=", "0");
	if (!env_has(env, "LC_"))
		env_add(env, "LANG=", "C.UTF-8");
	(void)json_object_set_new(process, "env", env_sorted(env));
	(void)json_object_set_new(user, "umask", json_integer(022));
	return 0;
}

static void fix_mounts(json_t *mounts, const char *bundle)
{
	static const char *const gone[] = { "/etc/hostname", "/run/.containerenv", TRACE_SOCKET };

	for (size_t i = json_array_size(mounts); i > 0; i--) {
		json_t *mount = json_array_get(mounts, i - 1);
		const char *at = json_string_value(json_object_get(mount, "destination"));
		bool drop = false;

		if (at != NULL && strcmp(at, "/etc/hosts") == 0)
			(void)json_object_set_new(mount, "source",
						  json_sprintf("%s/" HERMETIC_HOSTS_FILE, bundle));
		for (size_t k = 0; at != NULL && k < SS_NELEMS(gone); k++)
			drop = drop || strcmp(at, gone[k]) == 0;
		if (drop)
			(void)json_array_remove(mounts, i - 1);
	}
}

int hermetic_step_apply(json_t *config, const char *bundle, const char *epoch, struct ss_err *err)
{
	const char *engine_host = json_string_value(json_object_get(config, "hostname"));

	if (!json_is_object(config))
		return ss_fail(err, SS_EINPUT, "the bundle's config is not a JSON object");
	if (fix_process(config, epoch, engine_host, err) < 0)
		return -1;
	(void)json_object_set_new(config, "hostname", json_string(HERMETIC_HOST));
	fix_mounts(json_object_get(config, "mounts"), bundle);
	return 0;
}
