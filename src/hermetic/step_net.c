/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/step_net.h"

#include "base/text.h"
#include "hermetic/hidden.h"
#include "hermetic/step.h"
#include "io/atomic.h"
#include "io/file.h"
#include "io/hand.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FOLDER "selfsame-net"
#define BUNDLE_FILE HERMETIC_NET_DIR "/ca.pem"
#define APT_FILE HERMETIC_NET_DIR "/apt.conf"
#define WGET_FILE HERMETIC_NET_DIR "/wgetrc"
#define CERTIFICATES_MAX ((size_t)8 * 1024 * 1024)

/* --- what a step is told -------------------------------------------------------------------------
 */

void hm_view_net(struct hm_view *v)
{
	static const char *const env[] = {
		"ALL_PROXY",
		"APT_CONFIG=" APT_FILE,
		"AWS_CA_BUNDLE=" BUNDLE_FILE,
		"BUNDLE_SSL_CA_CERT=" BUNDLE_FILE,
		"CARGO_HTTP_CAINFO=" BUNDLE_FILE,
		"CURL_CA_BUNDLE=" BUNDLE_FILE,
		"DENO_CERT=" BUNDLE_FILE,
		"FTP_PROXY",
		"GIT_SSL_CAINFO=" BUNDLE_FILE,
		"HTTPS_PROXY=" IO_DOOR_PROXY_URL,
		"HTTP_PROXY=" IO_DOOR_PROXY_URL,
		"NODE_EXTRA_CA_CERTS=" BUNDLE_FILE,
		"NO_PROXY=localhost,127.0.0.1,::1",
		"PERL_LWP_SSL_CA_FILE=" BUNDLE_FILE,
		"PIP_CERT=" BUNDLE_FILE,
		"REQUESTS_CA_BUNDLE=" BUNDLE_FILE,
		"SSL_CERT_FILE=" BUNDLE_FILE,
		"WGETRC=" WGET_FILE,
		"all_proxy",
		"ftp_proxy",
		"http_proxy=" IO_DOOR_PROXY_URL,
		"https_proxy=" IO_DOOR_PROXY_URL,
		"no_proxy=localhost,127.0.0.1,::1",
	};

	v->net = hm_num(1);
	for (size_t i = 0; i < SS_NELEMS(env); i++)
		hm_view_env(v, env[i]);
}

#define VARIABLES 2 /* of the view's net */

void hm_view_variables(struct hm_view *v)
{
	v->net = hm_num(VARIABLES);
}

/* The index of a mirror is as old as the lock, and the step's clock stands where it stands. */
static const char apt_conf[] = "Acquire::Check-Date \"false\";\n"
			       "Acquire::Check-Valid-Until \"false\";\n"
			       "Acquire::https::CAInfo \"" BUNDLE_FILE "\";\n";

static const char wgetrc[] = "ca_certificate = " BUNDLE_FILE "\n";

static const char resolv[] = "nameserver " IO_DOOR_RESOLVER "\noptions ndots:0 attempts:1\n";

/* Java reads none of these variables. The image's own options stand behind ours: they win. */
static const char java_options[] = "JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore=" HERMETIC_NET_DIR
				   "/" HERMETIC_NET_JAVA " -Djavax.net.ssl.trustStoreType=jks";

static void tell_java(json_t *config)
{
	json_t *env = json_object_get(json_object_get(config, "process"), "env");
	const size_t name = strlen("JAVA_TOOL_OPTIONS=");

	for (size_t i = 0; i < json_array_size(env); i++) {
		const char *s = json_string_value(json_array_get(env, i));

		if (s == NULL || strncmp(s, java_options, name) != 0)
			continue;
		(void)json_array_set_new(env, i, json_sprintf("%s %s", java_options, s + name));
		return;
	}
	(void)json_array_append_new(env, json_string(java_options));
}

/* --- files ---------------------------------------------------------------------------------------
 */

static int store(const char *dir, const char *name, struct ss_span s, struct ss_err *err)
{
	char path[4096];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return ss_fail(err, SS_ELIMIT, "the path of '%s' is too long", name);
	if (io_atomic_store(path, s, err) < 0)
		return -1;
	return chmod(path, 0644) < 0 ? ss_fail_sys(err, "cannot show '%s' to the step", name) : 0;
}

/* A regular file of the image, links followed inside of it. */
static bool load_inside(int root, const char *path, struct ss_buf *ret)
{
	const struct open_how how = { .flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC,
				      .resolve = RESOLVE_IN_ROOT };
	AUTO_CLOSE int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	uint8_t part[65536];
	struct ss_err ignored = { 0 };
	struct stat st;
	size_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return false;
	while (io_read_full(fd, part, sizeof(part), &n, &ignored) == 0 && n > 0 && !ret->bad)
		ss_buf_put(ret, (struct ss_span){ part, n });
	return true;
}

static const char *const places[] = {
	"etc/ssl/certs/ca-certificates.crt",
	"etc/pki/tls/certs/ca-bundle.crt",
	"etc/ssl/ca-bundle.pem",
	"etc/pki/tls/cacert.pem",
	"etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"etc/ssl/cert.pem",
};

/*
 * Into the image's own bundles, for programs that read nothing else. No mount over them: a step
 * that makes them anew (update-ca-certificates) could not rename over it. Who made the step takes
 * the block out of the finished image again, wherever it is by then (project/project_clean.c).
 */
static void add_to_bundles(int root, const struct ss_buf *ours)
{
	for (size_t i = 0; root >= 0 && i < SS_NELEMS(places); i++) {
		const struct open_how how = { .flags = O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC,
					      .resolve = RESOLVE_IN_ROOT };
		AUTO_BUF struct ss_buf now = SS_BUF_INIT(CERTIFICATES_MAX);
		struct ss_err ignored = { 0 };
		AUTO_CLOSE int fd = -1;

		if (!load_inside(root, places[i], &now) || now.bad || now.p[now.n - 1] != '\n' ||
		    memmem(now.p, now.n, ours->p, ours->n) != NULL)
			continue;
		fd = (int)syscall(SYS_openat2, root, places[i], &how, sizeof(how));
		if (fd >= 0)
			(void)!io_write_all(fd, ss_buf_span(ours), &ignored);
	}
}

/* The image's own certificates and the recorder's: also a server of the step's own is trusted. */
static int put_certificates(int root, const char *to, const struct ss_buf *ours, int64_t net,
			    struct ss_err *err)
{
	AUTO_BUF struct ss_buf all = SS_BUF_INIT(CERTIFICATES_MAX);

	for (size_t i = 0; root >= 0 && i < SS_NELEMS(places); i++)
		if (load_inside(root, places[i], &all))
			break;
	if (all.n > 0 && all.p[all.n - 1] != '\n')
		ss_buf_put(&all, ss_text("\n"));
	if (all.n == 0 || memmem(all.p, all.n, ours->p, ours->n) == NULL)
		ss_buf_put(&all, ss_buf_span(ours));
	if (net != VARIABLES)
		add_to_bundles(root, ours);
	if (ss_buf_check(&all, "the image's certificates", err) < 0)
		return -1;
	return store(to, "ca.pem", ss_buf_span(&all), err);
}

static int put_java(const char *dir, const char *to, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);
	char path[4096];

	if ((size_t)snprintf(path, sizeof(path), "%s/" HERMETIC_NET_JAVA, dir) >= sizeof(path))
		return ss_fail(err, SS_ELIMIT, HERMETIC_NET_ENV " is too long");
	if (io_load_file(path, &b, err) < 0)
		return -1;
	return store(to, HERMETIC_NET_JAVA, ss_buf_span(&b), err);
}

static int put_files(const json_t *config, const char *bundle, const char *dir, const char *to,
		     int64_t net, struct ss_err *err)
{
	AUTO_CLOSE int root = hermetic_open_root(config, bundle);
	AUTO_BUF struct ss_buf ours = SS_BUF_INIT(65536);
	char ca[4096];

	if ((size_t)snprintf(ca, sizeof(ca), "%s/" HERMETIC_NET_CA, dir) >= sizeof(ca))
		return ss_fail(err, SS_ELIMIT, HERMETIC_NET_ENV " is too long");
	if (mkdir(to, 0755) < 0 && errno != EEXIST)
		return ss_fail_sys(err, "cannot make the folder '%s'", to);
	if (io_load_file(ca, &ours, err) < 0 || put_certificates(root, to, &ours, net, err) < 0 ||
	    store(to, HERMETIC_NET_CA, ss_buf_span(&ours), err) < 0 || put_java(dir, to, err) < 0 ||
	    store(to, "apt.conf", ss_text(apt_conf), err) < 0 ||
	    store(to, "wgetrc", ss_text(wgetrc), err) < 0)
		return -1;
	return store(to, "resolv.conf", ss_text(resolv), err);
}

/* --- the bundle ----------------------------------------------------------------------------------
 */

/* The step then has the one of its runtime, which is ours. */
static void drop_space(json_t *config)
{
	json_t *spaces = json_object_get(json_object_get(config, "linux"), "namespaces");

	for (size_t i = json_array_size(spaces); i > 0; i--) {
		const char *type =
			json_string_value(json_object_get(json_array_get(spaces, i - 1), "type"));

		if (type != NULL && strcmp(type, "network") == 0)
			(void)json_array_remove(spaces, i - 1);
	}
}

static void bind_over(json_t *mounts, const char *at, const char *from, const char *mode)
{
	for (size_t i = json_array_size(mounts); i > 0; i--) {
		const char *there = json_string_value(
			json_object_get(json_array_get(mounts, i - 1), "destination"));

		if (there != NULL && strcmp(there, at) == 0)
			(void)json_array_remove(mounts, i - 1);
	}
	(void)json_array_append_new(mounts,
				    json_pack("{s:s,s:s,s:s,s:[s,s]}", "destination", at, "type",
					      "bind", "source", from, "options", "bind", mode));
}

int hermetic_net_apply(json_t *config, const char *bundle, const char *dir, int64_t net,
		       struct ss_err *err)
{
	json_t *mounts = json_object_get(config, "mounts");
	char to[4096], file[4096 + 16], hosts[4096 + 16];

	if (!json_is_array(mounts))
		return ss_fail(err, SS_EINPUT, "the bundle's mounts are not a list");
	if ((size_t)snprintf(to, sizeof(to), "%s/" FOLDER, bundle) >= sizeof(to))
		return ss_fail(err, SS_ELIMIT, "the bundle's path is too long");
	if (put_files(config, bundle, dir, to, net, err) < 0)
		return -1;
	(void)snprintf(file, sizeof(file), "%s/resolv.conf", to);
	drop_space(config);
	tell_java(config);
	(void)snprintf(hosts, sizeof(hosts), "%s/" HERMETIC_HOSTS_FILE, bundle);
	bind_over(mounts, HERMETIC_NET_DIR, to, "ro");
	/* A step may write into these, as it may with every engine; nobody keeps it. buildah mounts
	 * neither for a step without a network. */
	bind_over(mounts, "/etc/resolv.conf", file, "rw");
	bind_over(mounts, "/etc/hosts", hosts, "rw");
	return 0;
}

/* --- the name space ------------------------------------------------------------------------------
 */

/* What the step runs, for people: the shell and its -c apart, blanks and control characters one
 * blank each. */
static void words_of(const json_t *config, char ret[IO_HAND_TEXT_MAX])
{
	const json_t *args = json_object_get(json_object_get(config, "process"), "args");
	const char *second = json_string_value(json_array_get(args, 1));
	size_t i = json_array_size(args) > 2 && second != NULL && strcmp(second, "-c") == 0 ? 2 : 0;
	size_t n = 0;

	for (; i < json_array_size(args); i++) {
		const char *s = json_string_value(json_array_get(args, i));

		if (n > 0 && n + 1 < IO_HAND_TEXT_MAX)
			ret[n++] = ' ';
		for (; s != NULL && *s != '\0' && n + 1 < IO_HAND_TEXT_MAX; s++)
			if ((unsigned char)*s > ' ' && *s != 0x7f)
				ret[n++] = *s;
			else if (n > 0 && ret[n - 1] != ' ')
				ret[n++] = ' ';
	}
	if (n == 0)
		ret[n++] = '?';
	ret[n] = '\0';
}

static int enter(const char *text, const char *dir, char ret_hint[IO_HAND_HINT_MAX],
		 struct ss_err *err)
{
	struct ss_err without = { 0 };
	int doors[IO_DOORS];
	int rc;

	if (unshare(CLONE_NEWNET) < 0)
		return ss_fail_sys(err, "cannot give the step a network of its own (net)");
	/* Without the rights for the other doors there is only the proxy: who serves it sees that.
	 */
	if (io_doors_open(true, doors, &without) < 0) {
		if (unshare(CLONE_NEWNET) < 0)
			return ss_fail_sys(err, "cannot give the step a network of its own (net)");
		if (io_doors_open(false, doors, err) < 0)
			return -1;
	}
	rc = io_hand_say(dir, doors, text, ret_hint, err);
	io_doors_done(doors);
	return rc;
}

int hermetic_net_enter(const json_t *config, const char *dir, bool *ret_light, struct ss_err *err)
{
	char text[IO_HAND_TEXT_MAX], hint[IO_HAND_HINT_MAX];

	words_of(config, text);
	if (enter(text, dir, hint, err) < 0)
		return -1;
	*ret_light = strcmp(hint, HERMETIC_NET_LIGHT) == 0;
	return 0;
}

int hermetic_net_level(json_t *config, const char *dir, const char *at, struct ss_err *err)
{
	json_t *mounts = json_object_get(config, "mounts");
	char file[4096];

	if (!json_is_array(mounts))
		return ss_fail(err, SS_EINPUT, "the bundle's mounts are not a list");
	if ((size_t)snprintf(file, sizeof(file), "%s/" HERMETIC_NET_LEVEL, dir) >= sizeof(file))
		return ss_fail(err, SS_ELIMIT, HERMETIC_NET_ENV " is too long");
	bind_over(mounts, at, file, "rw");
	return 0;
}

int hermetic_net_engine(char **words, const char *dir, struct ss_err *err)
{
	char hint[IO_HAND_HINT_MAX];

	if (enter(IO_HAND_ENGINE, dir, hint, err) < 0)
		return -1;
	(void)execv(words[0], words);
	return ss_fail_sys(err, "cannot run '%s'", words[0]);
}

int hermetic_net_leave(const char *dir, struct ss_err *err)
{
	char hint[IO_HAND_HINT_MAX];
	int none[IO_DOORS];

	for (size_t i = 0; i < IO_DOORS; i++)
		none[i] = -1;
	return io_hand_say(dir, none, "", hint, err);
}
