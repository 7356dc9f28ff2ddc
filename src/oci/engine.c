/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/engine.h"

#include "base/mem.h"
#include "io/file.h"
#include "io/spawn.h"

#include <stdio.h>
#include <string.h>

#define MAX_ARGS 8u

/*
 * "%" stands for the reference; the archive goes to standard output. A skopeo that fails removes
 * the file that it was to write: root's would remove the link /dev/stdout, none can /dev/fd/1.
 */
struct exporter {
	enum oci_transport transport;
	const char *what; /* for messages */
	const char *argv[MAX_ARGS];
};

static const struct exporter exporters[] = {
	{ OCI_DOCKER_DAEMON, "docker save", { "docker", "save", "%" } },
	{ OCI_CONTAINERS_STORAGE,
	  "podman save",
	  { "podman", "save", "--quiet", "--format", "docker-archive", "%" } },
	{ OCI_CONTAINERS_STORAGE,
	  "buildah push",
	  { "buildah", "push", "--quiet", "%", "docker-archive:/dev/fd/1" } },
	{ OCI_CONTAINERS_STORAGE,
	  "skopeo copy",
	  { "skopeo", "copy", "--quiet", "containers-storage:%", "docker-archive:/dev/fd/1" } },
};

static void note(void *ctx, enum io_stream from, const char *line)
{
	(void)from;
	if (line[0] != '\0')
		ss_progress_note(ctx, line);
}

static bool is_installed(const char *name)
{
	AUTO_FREE char *path = io_spawn_find(name);

	return path != NULL;
}

static int find_exporter(enum oci_transport t, const struct exporter **ret, struct ss_err *err)
{
	for (size_t i = 0; i < SS_NELEMS(exporters); i++) {
		if (exporters[i].transport == t && is_installed(exporters[i].argv[0])) {
			*ret = &exporters[i];
			return 0;
		}
	}
	if (t == OCI_DOCKER_DAEMON)
		return ss_fail(err, SS_ESYS,
			       "docker-daemon: needs 'docker', which is not installed");
	return ss_fail(err, SS_ESYS,
		       "containers-storage: needs podman, buildah or skopeo; none is installed");
}

static char *fill_in(const char *arg, const char *ref)
{
	const char *mark = strchr(arg, '%');
	const size_t size = strlen(arg) + strlen(ref) + 1;
	char *s = ss_calloc(size, 1);

	if (mark == NULL)
		(void)snprintf(s, size, "%s", arg);
	else
		(void)snprintf(s, size, "%.*s%s", (int)(mark - arg), arg, ref);
	return s;
}

static int run(const struct exporter *x, const char *ref, struct ss_progress *progress, int fd,
	       struct ss_err *err)
{
	char *argv[MAX_ARGS + 1] = { NULL };
	const struct io_spawn s = {
		.argv = (const char *const *)argv, .out_fd = fd, .line = note, .ctx = progress
	};
	struct io_exit e = { 0 };
	int rc;

	for (size_t i = 0; i < MAX_ARGS && x->argv[i] != NULL; i++)
		argv[i] = fill_in(x->argv[i], ref);
	rc = io_spawn_run(&s, &e, err);
	if (rc == 0)
		rc = io_exit_check(&e, x->what, SS_EREMOTE, err);
	for (size_t i = 0; i < MAX_ARGS; i++)
		free(argv[i]);
	return rc;
}

int oci_engine_export(const struct oci_reference *ref, struct ss_progress *progress, int *ret_fd,
		      struct ss_err *err)
{
	const struct exporter *x = NULL;
	AUTO_CLOSE int fd = -1;

	/* A reference that begins with "-" would be an option. */
	if (ref->path[0] == '-')
		return ss_fail(err, SS_EUSAGE, "an image cannot be called '%s'", ref->path);
	if (find_exporter(ref->transport, &x, err) < 0 || io_spool_new(&fd, err) < 0)
		return -1;
	ss_progress_phase(progress, x->what, 0);
	if (run(x, ref->path, progress, fd, err) < 0)
		return -1;
	*ret_fd = ss_take_fd(&fd);
	return 0;
}
