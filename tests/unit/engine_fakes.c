/* SPDX-License-Identifier: Apache-2.0 */
#include "engine_fakes.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char top[] = "/tmp/selfsame-engine-XXXXXX";
static char path_was[4096];

void sh(const char *script)
{
	AUTO_FREE char *all = ss_calloc(16384, 1);

	(void)snprintf(all, 16384, "set -e; cd %s; %s", top, script);
	assert_int_equal(system(all), 0);
}

void fake(const char *name, const char *body)
{
	AUTO_FREE char *script = ss_calloc(16384, 1);

	(void)snprintf(script, 16384,
		       "cat > bin/%s <<'END'\n#!/bin/sh\necho \"%s $*\" >> %s/calls\n%s\nEND\n"
		       "chmod +x bin/%s",
		       name, name, top, body, name);
	sh(script);
}

char *load(const char *name, char *buf, size_t size)
{
	char path[256];
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", top, name);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(buf, 1, size - 1, f);
	(void)fclose(f);
	buf[n] = '\0';
	return buf;
}

const char buildah_ok[] =
	"case \"$*\" in --version) echo 'buildah version 1.28.2 (image-spec 1.1)'; exit;; esac\n"
	"case \" $* \" in *' bud '*) ;; *) exit 0;; esac\n"
	"env | grep -E '^(SELFSAME_|TMPDIR|SOURCE_|BUILDAH|LC_|TZ)' | sort > env\n"
	"while [ $# -gt 0 ]; do case \"$1\" in --file) cp \"$2\" seen; cp \"$2.dockerignore\" "
	"ignore"
	" 2>/dev/null || true;; --tag=oci:*) d=${1#--tag=oci:}; mkdir -p \"${d%:image}\";; esac;"
	" shift; done\n"
	"echo 'STEP 1' ; echo 'noise' >&2";

const char buildah_fails[] =
	"case $5 in bud) echo 'Error: no' >&2; exit 1;; esac; echo 'buildah version 1.28.2'";

const char skopeo_ok[] =
	"for w; do case $w in docker://*) printf '{\"name\":\"%s\"}' \"$w\";; esac; done";

struct cfg_pairs args;
struct cfg_pairs secrets;

struct engine_request request(const char *engine)
{
	static char dockerfile[256], context[256];

	(void)snprintf(dockerfile, sizeof(dockerfile), "%s/ctx/Dockerfile", top);
	(void)snprintf(context, sizeof(context), "%s/ctx", top);
	return (struct engine_request){ .engine = engine,
					.dockerfile = dockerfile,
					.context = context,
					.arch = "x86_64",
					.epoch = 42,
					.args = &args,
					.secrets = &secrets };
}

unsigned count_work(void)
{
	char path[256];
	DIR *d;
	unsigned n = 0;

	(void)snprintf(path, sizeof(path), "%s/cache/selfsame/work", top);
	d = opendir(path);
	for (const struct dirent *e = d != NULL ? readdir(d) : NULL; e != NULL; e = readdir(d))
		n += e->d_name[0] != '.';
	if (d != NULL)
		(void)closedir(d);
	return n;
}

void expect_error(const struct engine_request *r, enum ss_code code, const char *want)
{
	struct engine_result res;
	struct ss_err err = { 0 };
	const char *at = strstr(want, "TOP");
	char full[1024];

	(void)snprintf(full, sizeof(full), "%.*s%s%s", (int)(at != NULL ? at - want : 0), want,
		       at != NULL ? top : "", at != NULL ? at + 3 : want);
	expect_fails(engine_build(r, &res, &err), &err, code, full);
	assert_int_equal(count_work(), 0);
}

struct engine_result expect_built(const struct engine_request *r)
{
	struct engine_result res = { .lock_fd = -1 };
	struct ss_err err = { 0 };

	expect_ok(engine_build(r, &res, &err), &err);
	return res;
}

int set_up(void **state)
{
	char path[4400];

	(void)state;
	if (mkdtemp(top) == NULL)
		return -1;
	(void)snprintf(path_was, sizeof(path_was), "%s", getenv("PATH"));
	(void)snprintf(path, sizeof(path), "%s/cache", top);
	return setenv("XDG_CACHE_HOME", path, 1);
}

int each(void **state)
{
	char path[256];

	(void)state;
	(void)setenv("PATH", path_was, 1);
	sh("rm -rf bin ctx cache calls env seen ignore; mkdir bin ctx; for p in sh env grep sort "
	   "cp stat tail mkdir cat sed chmod sha256sum rm printf find cmp ln; do ln -s \"$(command "
	   "-v "
	   "$p)\" "
	   "bin/$p || true; "
	   "done");
	(void)snprintf(path, sizeof(path), "%s/bin", top);
	if (chdir(top) != 0)
		return -1;
	return setenv("PATH", path, 1);
}

int tear_down(void **state)
{
	char cmd[64];

	(void)state;
	(void)setenv("PATH", path_was, 1);
	(void)snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	return system(cmd);
}
