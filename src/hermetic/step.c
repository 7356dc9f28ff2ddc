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

static const char *host_of(const struct hm_view *view)
{
	return view->host.s[0] != '\0' ? view->host.s : HERMETIC_HOST;
}

/* The engine gives the step its random container name; a name that the Dockerfile set stays. */
static void env_rename_host(json_t *env, const char *engine_host, const char *host)
{
	const size_t i = env_at(env, "HOSTNAME=");
	const char *s = json_string_value(json_array_get(env, i));

	if (s != NULL && engine_host != NULL && strcmp(s + strlen("HOSTNAME="), engine_host) == 0)
		(void)json_array_set_new(env, i, json_sprintf("HOSTNAME=%s", host));
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

/* A view's own variables: set, or taken out. */
static void env_override(json_t *env, const struct hm_view *view)
{
	for (size_t i = 0; i < view->n_env; i++) {
		const char *v = view->env[i];
		AUTO_FREE char *prefix = ss_calloc(strlen(v) + 2, 1);

		(void)snprintf(prefix, strlen(v) + 2, "%.*s=", (int)strcspn(v, "="), v);
		while (env_has(env, prefix))
			(void)json_array_remove(env, env_at(env, prefix));
		if (strchr(v, '=') != NULL)
			(void)json_array_append_new(env, json_string(v));
	}
}

/* A PATH as long as wanted: what is added is nowhere. */
static void env_lengthen_path(json_t *env, size_t bytes)
{
	static const char more[] = ":/selfsame/nowhere";
	const size_t i = env_at(env, "PATH=");
	const char *s = json_string_value(json_array_get(env, i));
	const size_t room = bytes + sizeof(more) + strlen("PATH=") + (s != NULL ? strlen(s) : 0);
	AUTO_FREE char *path = ss_calloc(room, 1);
	size_t n;

	if (s == NULL)
		return;
	n = (size_t)snprintf(path, room, "%s", s);
	while (n < bytes + strlen("PATH="))
		n += (size_t)snprintf(path + n, room - n, "%s", more);
	(void)json_array_set_new(env, i, json_string(path));
}

static int fix_process(json_t *config, const char *epoch, const char *engine_host,
		       const struct hm_view *view, struct ss_err *err)
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
	env_rename_host(env, engine_host, host_of(view));
	if (epoch != NULL)
		env_add(env, "SOURCE_DATE_EPOCH=", epoch);
	env_add(env, "TZ=", view->tz.s[0] != '\0' ? view->tz.s : "UTC");
	env_add(env, "PYTHONHASHSEED=", "0");
	if (!env_has(env, "LC_"))
		env_add(env, "LANG=", view->locale.s[0] != '\0' ? view->locale.s : "C.UTF-8");
	env_override(env, view);
	if (view->path_bytes.set)
		env_lengthen_path(env, (size_t)view->path_bytes.v);
	(void)json_object_set_new(process, "env", env_sorted(env));
	(void)json_object_set_new(user, "umask",
				  json_integer(view->umask.set ? view->umask.v : 022));
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

/* The object `name` in `in`, made if it is not there. */
static json_t *object_in(json_t *in, const char *name)
{
	json_t *o = json_object_get(in, name);

	if (!json_is_object(o)) {
		o = json_object();
		(void)json_object_set_new(in, name, o);
	}
	return o;
}

static bool has_namespace(const json_t *linux_part, const char *type)
{
	const json_t *spaces = json_object_get(linux_part, "namespaces");

	for (size_t i = 0; i < json_array_size(spaces); i++) {
		const json_t *t = json_object_get(json_array_get(spaces, i), "type");

		if (json_is_string(t) && strcmp(json_string_value(t), type) == 0)
			return true;
	}
	return false;
}

/* The ids inside are those outside: what differs is whose they are. */
static void add_user_ns(json_t *linux_part)
{
	static const char *const maps[] = { "uidMappings", "gidMappings" };

	if (has_namespace(linux_part, "user"))
		return;
	if (!json_is_array(json_object_get(linux_part, "namespaces")))
		(void)json_object_set_new(linux_part, "namespaces", json_array());
	(void)json_array_append_new(json_object_get(linux_part, "namespaces"),
				    json_pack("{s:s}", "type", "user"));
	for (size_t i = 0; i < SS_NELEMS(maps); i++)
		(void)json_object_set_new(linux_part, maps[i],
					  json_pack("[{s:i,s:i,s:I}]", "containerID", 0, "hostID",
						    0, "size", (json_int_t)UINT32_MAX));
}

/* A sysfs can be mounted by who owns the network's name space only: a step in a user name space of
 * its own, on the network that is there, sees the one that is mounted. */
static void borrow_sysfs(json_t *mounts)
{
	for (size_t i = 0; i < json_array_size(mounts); i++) {
		json_t *mount = json_array_get(mounts, i);
		const json_t *type = json_object_get(mount, "type");

		if (!json_is_string(type) || strcmp(json_string_value(type), "sysfs") != 0)
			continue;
		(void)json_object_set_new(mount, "type", json_string("bind"));
		(void)json_object_set_new(mount, "source", json_string("/sys"));
		(void)json_object_set_new(
			mount, "options",
			json_pack("[s,s,s,s,s]", "rbind", "nosuid", "noexec", "nodev", "ro"));
	}
}

static void fix_linux(json_t *config, const struct hm_view *view)
{
	json_t *linux_part;

	if (view->domain.s[0] == '\0' && !view->memory_mib.set && !view->user_ns.set)
		return;
	linux_part = object_in(config, "linux");
	if (view->domain.s[0] != '\0')
		(void)json_object_set_new(object_in(linux_part, "sysctl"), "kernel.domainname",
					  json_string(view->domain.s));
	if (view->memory_mib.set) {
		const json_int_t limit = view->memory_mib.v * 1024 * 1024;

		(void)json_object_set_new(object_in(object_in(linux_part, "resources"), "memory"),
					  "limit", json_integer(limit));
	}
	if (view->user_ns.set)
		add_user_ns(linux_part);
	/* The recorder's network, too, is there before the step. */
	if (view->user_ns.set && (view->net.set || !has_namespace(linux_part, "network")))
		borrow_sysfs(json_object_get(config, "mounts"));
}

void hermetic_hosts(const struct hm_view *view, struct ss_buf *ret)
{
	char text[HM_TEXT_MAX + 128];
	const int n = snprintf(text, sizeof(text),
			       "127.0.0.1\tlocalhost %s\n"
			       "::1\tlocalhost ip6-localhost ip6-loopback\n",
			       host_of(view));

	ss_buf_put(ret, (struct ss_span){ (const uint8_t *)text, (size_t)n });
}

int hermetic_step_apply(json_t *config, const char *bundle, const char *epoch,
			const struct hm_view *view, struct ss_err *err)
{
	const char *engine_host = json_string_value(json_object_get(config, "hostname"));

	if (!json_is_object(config))
		return ss_fail(err, SS_EINPUT, "the bundle's config is not a JSON object");
	if (fix_process(config, epoch, engine_host, view, err) < 0)
		return -1;
	fix_linux(config, view);
	(void)json_object_set_new(config, "hostname", json_string(host_of(view)));
	fix_mounts(json_object_get(config, "mounts"), bundle);
	return 0;
}
