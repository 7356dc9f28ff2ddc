/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selfsame-runtime: an OCI runtime around another one.
 *
 * `buildah bud --isolation oci --runtime selfsame-runtime` calls it for each RUN step, and so does
 * `buildkitd --oci-worker-binary selfsame-runtime`. On "create" and "run" it changes the bundle
 * (step.h), and then it becomes the real runtime with the very same words: $SELFSAME_RUNTIME_INNER,
 * else the first of runc and crun that is installed. $SELFSAME_STEP_EPOCH is the source date epoch;
 * without it, as under a daemon, the step's own SOURCE_DATE_EPOCH is, and a step without one is
 * refused. $SELFSAME_STEP_STATE, if set, is the folder in which the real runtime keeps its
 * containers, so that a later run finds what a killed one left. $SELFSAME_STEP_HIDDEN, if set, is a
 * file that gets a line for each path of the image that a RUN --mount hides (hidden.h).
 * $SELFSAME_STEP_NET, if the view has "net", is the folder of the recorder's doors (step_net.h); a
 * "delete" tells it that the step is over. "engine PROGRAM WORDS..." is no call of an OCI runtime:
 * it runs the engine itself with nothing but these doors.
 */
#include "base/mem.h"
#include "hermetic/hidden.h"
#include "hermetic/step.h"
#include "hermetic/step_net.h"
#include "hermetic/sup.h"
#include "hermetic/supervise.h"
#include "io/atomic.h"
#include "io/file.h"
#include "io/self.h"
#include "io/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/stat.h>

#define BUNDLE_MAX ((size_t)16 * 1024 * 1024)
#define STEP_MAX ((size_t)16 * 1024 * 1024)

static char *join(const char *dir, const char *name)
{
	const size_t n = strlen(dir) + strlen(name) + 2;
	char *p = ss_calloc(n, 1);

	(void)snprintf(p, n, "%s/%s", dir, name);
	return p;
}

static int write_hosts(const char *bundle, const struct hm_view *view, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);
	AUTO_FREE char *path = join(bundle, HERMETIC_HOSTS_FILE);

	hermetic_hosts(view, &b);
	return io_atomic_store(path, ss_buf_span(&b), err);
}

/* Without a file there is nothing to change. */
static int load_view(struct hm_view *ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(HM_VIEW_MAX_SIZE);
	const char *path = getenv(HM_VIEW_ENV);

	if (path == NULL || path[0] == '\0')
		return 0;
	if (io_load_file(path, &b, err) < 0 || hm_view_read(ss_buf_span(&b), ret, err) < 0)
		return ss_ctx(err, HM_VIEW_ENV);
	return 0;
}

/* The step has it from us, through the real runtime. */
static int fix_addresses(const struct hm_view *view, struct ss_err *err)
{
	if (view->aslr.set && personality(ADDR_NO_RANDOMIZE) < 0)
		return ss_fail_sys(err, "cannot keep addresses as they are (aslr)");
	return 0;
}

static int note_hidden(const json_t *config, const char *bundle, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(BUNDLE_MAX);
	const char *path = getenv("SELFSAME_STEP_HIDDEN");
	AUTO_CLOSE int fd = -1;

	if (path == NULL || path[0] == '\0')
		return 0;
	hermetic_hidden(config, bundle, &b);
	if (b.n == 0)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return ss_fail_sys(err, "cannot write '%s'", path);
	return io_write_all(fd, ss_buf_span(&b), err);
}

/* A place for the file in which the supervisor says what the step's level was. */
static int put_level(json_t *config, const char *dir, struct ss_err *err)
{
	AUTO_FREE char *place = join(dir, "level");
	const char *net = getenv(HERMETIC_NET_ENV);

	if (net == NULL || net[0] == '\0')
		return 0;
	if (io_atomic_store(place, (struct ss_span){ (const uint8_t *)"", 0 }, err) < 0)
		return -1;
	return hermetic_net_level(config, net, SUP_LEVEL, err);
}

/* The folder that the supervisor finds in the container. */
static int put_supervisor(json_t *config, const char *bundle, const struct hm_view *view,
			  struct ss_err *err)
{
	AUTO_FREE char *program = io_self_find("selfsame-step", err);
	AUTO_FREE char *dir = join(bundle, "selfsame-step");
	AUTO_FREE char *to = join(dir, "step");
	AUTO_FREE char *to_view = join(dir, "view");
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(STEP_MAX);
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(HM_VIEW_MAX_SIZE);

	if (program == NULL || io_load_file(program, &b, err) < 0)
		return -1;
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return ss_fail_sys(err, "cannot make the folder '%s'", dir);
	hm_view_write(view, &text);
	if (io_atomic_store(to, ss_buf_span(&b), err) < 0 ||
	    io_atomic_store(to_view, ss_buf_span(&text), err) < 0)
		return -1;
	if (chmod(to, 0755) < 0)
		return ss_fail_sys(err, "cannot make '%s' a program", to);
	return hermetic_supervise(config, dir, err) < 0 ? -1 : put_level(config, dir, err);
}

/* Last: from here on there is no other network. */
static int fix_network(json_t *config, const char *bundle, struct hm_view *view, struct ss_err *err)
{
	const char *dir = getenv(HERMETIC_NET_ENV);
	bool light = false;

	if (!view->net.set)
		return 0;
	if (dir == NULL || dir[0] == '\0')
		return ss_fail(err, SS_EUSAGE, HERMETIC_NET_ENV " is not set (net)");
	if (hermetic_net_apply(config, bundle, dir, view->net.v, err) < 0 ||
	    hermetic_net_enter(config, dir, &light, err) < 0)
		return -1;
	if (light)
		view->stat = (struct hm_num){ .set = false };
	return 0;
}

static int fix_bundle(const char *bundle, const char *epoch, struct ss_err *err)
{
	AUTO_VIEW struct hm_view view = { 0 };
	AUTO_FREE char *path = join(bundle, "config.json");
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(BUNDLE_MAX);
	AUTO_JSON json_t *config = NULL;
	AUTO_FREE char *text = NULL;

	if (load_view(&view, err) < 0 || fix_addresses(&view, err) < 0 ||
	    io_load_file(path, &b, err) < 0 ||
	    js_read(ss_buf_span(&b), BUNDLE_MAX, path, &config, err) < 0 ||
	    note_hidden(config, bundle, err) < 0 ||
	    hermetic_step_apply(config, bundle, epoch, &view, err) < 0 ||
	    write_hosts(bundle, &view, err) < 0 || fix_network(config, bundle, &view, err) < 0)
		return -1;
	if (hm_view_is_supervised(&view) && put_supervisor(config, bundle, &view, err) < 0)
		return -1;
	text = json_dumps(config, JSON_COMPACT);
	if (text == NULL)
		return ss_fail(err, SS_EINPUT, "cannot write '%s' again", path);
	return io_atomic_store(path, (struct ss_span){ (const uint8_t *)text, strlen(text) }, err);
}

/* The bundle that "create" or "run" is about; NULL for any other call. */
static const char *find_bundle(int argc, char **argv)
{
	const char *bundle = ".";
	bool starts = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "create") == 0 || strcmp(argv[i], "run") == 0)
			starts = true;
		else if ((strcmp(argv[i], "--bundle") == 0 || strcmp(argv[i], "-b") == 0) &&
			 i + 1 < argc)
			bundle = argv[++i];
		else if (strncmp(argv[i], "--bundle=", 9) == 0)
			bundle = argv[i] + 9;
	}
	return starts ? bundle : NULL;
}

/* Whatever comes of it, the container must go. */
static void tell_end(int argc, char **argv)
{
	const char *dir = getenv(HERMETIC_NET_ENV);
	struct ss_err ignored = { 0 };

	for (int i = 1; dir != NULL && dir[0] != '\0' && i < argc; i++)
		if (strcmp(argv[i], "delete") == 0) {
			(void)!hermetic_net_leave(dir, &ignored);
			return;
		}
}

static char *find_inner(void)
{
	static const char *const names[] = { "runc", "crun", "/usr/sbin/runc", "/usr/bin/crun" };
	const char *chosen = getenv("SELFSAME_RUNTIME_INNER");
	char *found = NULL;

	if (chosen != NULL && chosen[0] != '\0')
		return io_spawn_find(chosen);
	for (size_t i = 0; i < SS_NELEMS(names) && found == NULL; i++)
		found = io_spawn_find(names[i]);
	return found;
}

/* The words for the real runtime; the caller frees the list. */
static char **inner_words(int argc, char **argv, char *inner)
{
	static char root[] = "--root";
	char *state = getenv("SELFSAME_STEP_STATE");
	char **v = ss_calloc((size_t)argc + 3, sizeof(*v));
	size_t n = 0;

	v[n++] = inner;
	if (state != NULL && state[0] != '\0') {
		v[n++] = root;
		v[n++] = state;
	}
	for (int i = 1; i < argc; i++)
		v[n++] = argv[i];
	return v;
}

/* Comes back only with an error. */
static int run_engine(char **words, struct ss_err *err)
{
	const char *dir = getenv(HERMETIC_NET_ENV);

	if (dir == NULL || dir[0] == '\0')
		return ss_fail(err, SS_EUSAGE, HERMETIC_NET_ENV " is not set");
	return hermetic_net_engine(words, dir, err);
}

/* The same. */
static int run(int argc, char **argv, struct ss_err *err)
{
	AUTO_FREE char **words = NULL;
	const char *bundle = find_bundle(argc, argv);
	const char *epoch = getenv("SELFSAME_STEP_EPOCH");
	AUTO_FREE char *inner = find_inner();

	const char *chosen = getenv("SELFSAME_RUNTIME_INNER");

	if (argc > 2 && strcmp(argv[1], "engine") == 0)
		return run_engine(argv + 2, err);
	if (inner == NULL && chosen != NULL && chosen[0] != '\0')
		return ss_fail(err, SS_ESYS, "no OCI runtime: SELFSAME_RUNTIME_INNER is '%s'",
			       chosen);
	if (inner == NULL)
		return ss_fail(err, SS_ESYS, "no OCI runtime: neither runc nor crun is installed");
	if (bundle != NULL && fix_bundle(bundle, epoch, err) < 0)
		return -1;
	tell_end(argc, argv);
	words = inner_words(argc, argv, inner);
	(void)execv(inner, words);
	return ss_fail_sys(err, "cannot run '%s'", inner);
}

int main(int argc, char **argv)
{
	struct ss_err err = { 0 };

	(void)run(argc, argv, &err);
	(void)fprintf(stderr, "selfsame-runtime: error: %s\n", err.msg);
	return err.code == SS_EUSAGE ? 2 : 4;
}
