/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"
#include "expect.h"
#include "hermetic/view.h"
#include "io/cache.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The engines here are small scripts that write down how they were called and do what the test
 * says; real ones build in tests/e2e.
 */

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"
/* Of the manifest that the fake skopeo prints: {"name":"docker://debian…"} and a newline. */
#define SKOPEO_OF "printf '{\"name\":\"%s\"}' docker://docker.io/library/debian:12 | sha256sum"

static char top[] = "/tmp/selfsame-engine-XXXXXX";
static char path_was[4096];

static void sh(const char *script)
{
	AUTO_FREE char *all = ss_calloc(16384, 1);

	(void)snprintf(all, 16384, "set -e; cd %s; %s", top, script);
	assert_int_equal(system(all), 0);
}

/* A program `name` that appends its words to `calls`, then runs `body`. */
static void fake(const char *name, const char *body)
{
	AUTO_FREE char *script = ss_calloc(16384, 1);

	(void)snprintf(script, 16384,
		       "cat > bin/%s <<'END'\n#!/bin/sh\necho \"%s $*\" >> %s/calls\n%s\nEND\n"
		       "chmod +x bin/%s",
		       name, name, top, body, name);
	sh(script);
}

static char *load(const char *name, char *buf, size_t size)
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

static const char buildah_ok[] =
	"case \"$*\" in --version) echo 'buildah version 1.28.2 (image-spec 1.1)'; exit;; esac\n"
	"case \" $* \" in *' bud '*) ;; *) exit 0;; esac\n"
	"env | grep -E '^(SELFSAME_|TMPDIR|SOURCE_|BUILDAH|LC_|TZ)' | sort > env\n"
	"while [ $# -gt 0 ]; do case \"$1\" in --file) cp \"$2\" seen; cp \"$2.dockerignore\" "
	"ignore"
	" 2>/dev/null || true;; --tag=oci:*) d=${1#--tag=oci:}; mkdir -p \"${d%:image}\";; esac;"
	" shift; done\n"
	"echo 'STEP 1' ; echo 'noise' >&2";

static const char buildah_fails[] =
	"case $5 in bud) echo 'Error: no' >&2; exit 1;; esac; echo 'buildah version 1.28.2'";

static const char skopeo_ok[] =
	"for w; do case $w in docker://*) printf '{\"name\":\"%s\"}' \"$w\";; esac; done";

static struct cfg_pairs args;
static struct cfg_pairs secrets;

static struct engine_request request(const char *engine)
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

static unsigned count_work(void)
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

/* "TOP" in `want` is the temporary folder. */
static void expect_error(const struct engine_request *r, enum ss_code code, const char *want)
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

static struct engine_result expect_built(const struct engine_request *r)
{
	struct engine_result res = { .lock_fd = -1 };
	struct ss_err err = { 0 };

	expect_ok(engine_build(r, &res, &err), &err);
	return res;
}

static void buildah_is_asked_for_exactly_this(void **state)
{
	struct engine_request r = request("auto");
	struct engine_result res;
	const struct cfg_base *b;
	char buf[16384], want[16384];

	(void)state;
	fake("buildah", buildah_ok);
	fake("skopeo", skopeo_ok);
	sh("printf 'FROM debian:12 AS a\\nFROM localhost:5/x@" D1 "\\nCOPY --from=debian:12 / /\\n"
	   "ARG SOURCE_DATE_EPOCH\\n' > ctx/Dockerfile; echo '*.o' > ctx/.dockerignore;"
	   "echo s > ctx/secret; mkdir -p cache/selfsame/containers/storage/overlay-images");
	cfg_pairs_set(&args, "B", "2 3");
	cfg_pairs_set(&args, "A", "");
	(void)snprintf(want, sizeof(want), "%s/ctx/secret", top);
	cfg_pairs_set(&secrets, "key", want);
	r.target = "a";
	(void)setenv("BUILDAH_LAYERS", "true", 1);
	res = expect_built(&r);
	(void)unsetenv("BUILDAH_LAYERS");
	cfg_pairs_done(&args);
	cfg_pairs_done(&secrets);
	assert_string_equal(res.engine, "buildah");
	assert_string_equal(res.version, "1.28.2");
	assert_int_equal(res.bases.n, 1);
	b = res.bases.v;
	assert_string_equal(b[0].name, "docker.io/library/debian:12");
	assert_int_equal(count_work(), 1);

	/* One resolution and one pull for each image, no TLS on loopback only. */
	sh("d=$(" SKOPEO_OF "); d=sha256:${d%% *}; sed -e \"s/$d/DIGEST/g\" -e 's|/work/run-......"
	   "|/work/RUN|g' -e 's|--runroot [^ ]*|--runroot RR|' -e 's|--runtime [^ ]*|--runtime RT|'"
	   " calls > calls2; sed -i \"s/$d/DIGEST/g\" seen; sed -i 's|/run-......|/RUN|' env");
	(void)snprintf(want, sizeof(want),
		       "buildah --version\n"
		       "skopeo inspect --raw docker://docker.io/library/debian:12\n"
		       "buildah --root %s/cache/selfsame/containers/storage --runroot RR pull "
		       "--policy missing --platform linux/amd64 "
		       "docker://docker.io/library/debian@DIGEST\n"
		       "buildah --root %s/cache/selfsame/containers/storage --runroot RR pull "
		       "--policy missing --tls-verify=false --platform linux/amd64 "
		       "docker://localhost:5/x@" D1 "\n"
		       "buildah --root %s/cache/selfsame/work/RUN/storage --runroot RR "
		       "--storage-opt overlay.imagestore=%s/cache/selfsame/containers/storage bud "
		       "--isolation %s --runtime RT --pull-never --no-cache --layers=false "
		       "--format docker --cap-add CAP_AUDIT_WRITE,CAP_MKNOD,CAP_NET_RAW "
		       "--build-arg A= --build-arg B=2 3 --build-arg SOURCE_DATE_EPOCH=42 "
		       "--secret id=key,src=%s/ctx/secret --target a "
		       "--ignorefile %s/cache/selfsame/work/RUN/file/Dockerfile.dockerignore "
		       "--file %s/cache/selfsame/work/RUN/file/Dockerfile "
		       "--tag=oci:%s/cache/selfsame/work/RUN/oci:image "
		       "%s/cache/selfsame/work/RUN/context\n",
		       top, top, top, top, getuid() == 0 ? "oci" : "rootless", top, top, top, top,
		       top);
	assert_string_equal(load("calls2", buf, sizeof(buf)), want);
	assert_string_equal(load("seen", buf, sizeof(buf)),
			    "FROM docker.io/library/debian@DIGEST AS a\n"
			    "ARG SELFSAME_STAGE\n"
			    "FROM localhost:5/x@" D1 "\n"
			    "ARG SELFSAME_STAGE\n"
			    "COPY --from=docker.io/library/debian@DIGEST / /\n"
			    "ARG SOURCE_DATE_EPOCH\n");
	assert_string_equal(load("ignore", buf, sizeof(buf)), "**/.git\n*.o\n");
	(void)snprintf(want, sizeof(want),
		       "LC_ALL=C.UTF-8\nSELFSAME_STEP_EPOCH=42\n"
		       "SELFSAME_STEP_HIDDEN=%s/cache/selfsame/work/RUN/hidden\n"
		       "SELFSAME_STEP_STATE=%s/cache/selfsame/work/RUN/steps\n"
		       "TMPDIR=%s/cache/selfsame/work/RUN\nTZ=UTC\n",
		       top, top, top);
	assert_string_equal(load("env", buf, sizeof(buf)), want);
	engine_result_done(&res);
	assert_int_equal(count_work(), 0);
}

static void a_view_reaches_the_runtime_of_the_steps(void **state)
{
	struct hm_view v = { .cpus = hm_num(1) };
	struct engine_request r = request("auto");
	struct engine_result res;
	char buf[512];

	(void)state;
	fake("buildah", "case \"$*\" in --version) echo 'buildah version 1.28.2 (image-spec 1.1)'; "
			"exit;; esac\n"
			"case \" $* \" in *' bud '*) cp \"$SELFSAME_STEP_VIEW\" seen;; esac\n"
			"while [ $# -gt 0 ]; do case \"$1\" in --tag=oci:*) d=${1#--tag=oci:}; "
			"mkdir -p \"${d%:image}\";; esac; shift; done");
	sh("printf 'FROM scratch\\nCOPY x /\\n' > ctx/Dockerfile; echo x > ctx/x");
	r.view = &v;
	res = expect_built(&r);
	assert_string_equal(load("seen", buf, sizeof(buf)), "selfsame-view 1\ncpus 1\n");
	engine_result_done(&res);
	v.cpus.v = 0;
	expect_error(&r, SS_EINPUT, "cpus: 0 is not in 1 .. 1024");
	fake("buildctl", "case \"$*\" in 'debug info') echo 'BuildKit: github.com/moby/buildkit "
			 "v0.12.5 abc';; esac");
	r.engine = "buildkit";
	expect_error(&r, SS_EUSAGE,
		     "only with buildah can what a step sees be chosen; BuildKit's daemon runs "
		     "them");
}

static void buildctl_is_asked_for_exactly_this(void **state)
{
	struct engine_request r = request("buildkit");
	struct engine_result res;
	char buf[16384], want[16384];

	(void)state;
	fake("buildctl",
	     "case \"$*\" in 'debug info') echo 'BuildKit: github.com/moby/buildkit "
	     "v0.12.5 abc';; build*) while [ $# -gt 0 ]; do case \"$1\" in dockerfile=*) "
	     "cp \"${1#*=}/Dockerfile\" seen;; *,dest=*) mkdir \"${1##*=}\"; "
	     "echo {} >\"${1##*=}/index.json\";; esac; shift; done;; esac");
	sh("printf '# syntax=x/y:1\\nFROM debian@" D1 "\\nRUN x' > ctx/Dockerfile");
	r.arch = "aarch64";
	r.platform = "linux/arm64/v8";
	r.target = "t";
	res = expect_built(&r);
	assert_string_equal(res.engine, "buildkit");
	assert_string_equal(res.version, "0.12.5");
	assert_int_equal(res.bases.n, 0);
	sh("sed -i 's|/work/run-......|/work/RUN|g' calls");
	(void)snprintf(want, sizeof(want),
		       "buildctl --timeout 5 debug workers\n"
		       "buildctl debug info\n"
		       "buildctl build --progress plain --frontend dockerfile.v0 --no-cache "
		       "--local context=%s/cache/selfsame/work/RUN/context "
		       "--local dockerfile=%s/cache/selfsame/work/RUN/file "
		       "--opt filename=Dockerfile --opt platform=linux/arm64/v8 "
		       "--opt hostname=selfsame --opt target=t "
		       "--opt build-arg:SOURCE_DATE_EPOCH=42 "
		       "--opt build-arg:BUILDKIT_SANDBOX_HOSTNAME=selfsame "
		       "--output type=oci,tar=false,compression=uncompressed,"
		       "dest=%s/cache/selfsame/work/RUN/oci\n",
		       top, top, top);
	assert_string_equal(load("calls", buf, sizeof(buf)), want);
	assert_string_equal(load("seen", buf, sizeof(buf)),
			    "#\nFROM docker.io/library/debian@" D1 "\n"
			    "ARG HOSTNAME='selfsame' LANG='C.UTF-8' PYTHONHASHSEED='0' "
			    "SOURCE_DATE_EPOCH='42' TZ='UTC'\nRUN x");
	sh("grep -qx '{\"imageLayoutVersion\":\"1.0.0\"}' "
	   "cache/selfsame/work/run-*/oci/oci-layout");
	engine_result_done(&res);
}

static void buildx_is_asked_where_there_is_no_buildctl(void **state)
{
	struct engine_request r = request("buildkit");
	struct engine_result res;
	char buf[16384], want[16384];

	(void)state;
	fake("buildctl", "exit 1"); /* no daemon */
	fake("docker",
	     "case \"$*\" in 'buildx inspect') printf 'Name: x\\nNodes:\\n  BuildKit version: "
	     "v0.13.2\\n';; *imagetools*) printf '{\"name\":\"docker://%s\"}' \"$5\";; esac");
	sh("printf 'FROM debian:12\\n' > ctx/Dockerfile; rm -f bin/skopeo");
	res = expect_built(&r);
	assert_string_equal(res.version, "0.13.2");
	assert_int_equal(res.bases.n, 1);
	sh("sed -i 's|/work/run-......|/work/RUN|g' calls");
	(void)snprintf(want, sizeof(want),
		       "buildctl --timeout 5 debug workers\n"
		       "docker buildx inspect\n"
		       "docker buildx imagetools inspect --raw docker.io/library/debian:12\n"
		       "docker buildx build --progress plain --no-cache --provenance=false "
		       "--sbom=false --platform linux/amd64 "
		       "--file %s/cache/selfsame/work/RUN/file/Dockerfile "
		       "--build-arg SOURCE_DATE_EPOCH=42 "
		       "--build-arg BUILDKIT_SANDBOX_HOSTNAME=selfsame "
		       "--output type=oci,tar=false,compression=uncompressed,"
		       "dest=%s/cache/selfsame/work/RUN/oci "
		       "%s/cache/selfsame/work/RUN/context\n",
		       top, top, top);
	assert_string_equal(load("calls", buf, sizeof(buf)), want);
	engine_result_done(&res);
}

static void without_skopeo_buildah_resolves(void **state)
{
	struct engine_request r = request("buildah");
	struct engine_result res;
	const struct cfg_base *b;

	(void)state;
	fake("buildah",
	     "case \"$*\" in --version) echo 'buildah version 1.28.2';; *images*) echo " D2
	     ";; esac");
	sh("rm -f bin/skopeo; printf 'FROM --platform=linux/arm64 debian:12\\n' > ctx/Dockerfile");
	res = expect_built(&r);
	b = res.bases.v;
	assert_string_equal(b[0].digest, D2);
	engine_result_done(&res);
	sh("grep -q 'pull --policy always --platform linux/arm64 "
	   "docker://docker.io/library/debian:12' calls");
	fake("buildah", "case \"$*\" in --version) echo 'buildah version 1.28.2';; esac");
	expect_error(&r, SS_ESYS,
		     "'TOP/ctx/Dockerfile': line 1: cannot resolve 'docker.io/library/debian:12': "
		     "buildah knows no digest for it");
}

static void locked_bases_are_taken_from_the_lock(void **state)
{
	struct engine_request r = request("buildah");
	struct cfg_lock lock = { 0 };
	struct engine_result res;
	const struct cfg_base *b;

	(void)state;
	fake("buildah", buildah_ok);
	fake("skopeo", skopeo_ok);
	cfg_lock_base_set(&lock, "docker.io/library/debian:12", D2);
	cfg_lock_base_set(&lock, "docker.io/library/unused:1", D2);
	r.locked = &lock;
	r.locked_only = true;
	sh("printf 'FROM debian:12\\nFROM debian:13@" D1 "\\n' > ctx/Dockerfile");
	res = expect_built(&r);
	assert_int_equal(res.bases.n, 1); /* what is used and not pinned, nothing else */
	b = res.bases.v;
	assert_string_equal(b[0].digest, D2);
	engine_result_done(&res);
	sh("! grep skopeo calls; printf 'FROM debian:12\\nFROM debian:13\\n' > ctx/Dockerfile");
	expect_error(&r, SS_EINPUT,
		     "'TOP/ctx/Dockerfile': line 2: 'docker.io/library/debian:13' is not in the "
		     "lock");
	r.locked_only = false;
	res = expect_built(&r);
	assert_int_equal(res.bases.n, 2);
	engine_result_done(&res);
	cfg_lock_done(&lock);
}

static void a_missing_engine_is_named_with_a_way_out(void **state)
{
	const struct engine_request any = request("auto");
	const struct engine_request buildah = request("buildah");
	const struct engine_request buildkit = request("buildkit");
	struct engine_result res;
	struct ss_err err = { 0 };

	(void)state;
	sh("printf 'FROM scratch' > ctx/Dockerfile");
	expect_error(&any, SS_ESYS,
		     "no engine for the Dockerfile: neither buildah nor BuildKit is here");
	expect_error(&buildah, SS_ESYS, "engine 'buildah' is not installed");
	expect_error(&buildkit, SS_ESYS,
		     "engine 'buildkit': neither buildctl nor 'docker buildx' reaches a BuildKit");
	assert_int_equal(engine_build(&buildah, &res, &err), -1);
	assert_string_equal(err.hint, "on Debian: apt-get install buildah runc");
	fake("buildctl", "case \"$*\" in *info) echo 'BuildKit: x v0.10.6 y';; esac");
	expect_error(&buildkit, SS_ESYS, "BuildKit 0.10.6 is too old; 0.11 or later is needed");
}

static void an_engine_that_fails_gives_its_last_words(void **state)
{
	const struct engine_request b = request("buildah");
	const struct engine_request k = request("buildkit");

	(void)state;
	fake("skopeo", "echo 'time=\"2026-11-21T11:47:45Z\" level=fatal msg=\"Error parsing image "
		       "name \\\\\"docker://x:1\\\\\": pinging: refused\"' >&2; exit 1");
	fake("buildah",
	     "case \"$*\" in --version) echo 'buildah version 1.28.2'; exit;; *' pull '*) "
	     "exit 0;; esac; echo 'Error: building at STEP \"RUN x\": exit status 7' >&2;"
	     "exit 7");
	sh("printf 'FROM debian@" D1 "\\nRUN x\\n' > ctx/Dockerfile");
	expect_error(&b, SS_ESYS,
		     "'TOP/ctx/Dockerfile': buildah: building at STEP \"RUN x\": exit status 7");
	fake("buildah",
	     "case \"$*\" in --version) echo 'buildah version 1.28.2'; exit;; *' pull '*) "
	     "exit 0;; esac; echo \"selfsame-step: error: '/k' is a key that this step made\" >&2;"
	     "echo 'Error: building at STEP \"RUN x\": while running runtime: exit status 125' >&2;"
	     "exit 125");
	expect_error(
		&b, SS_ESYS,
		"'TOP/ctx/Dockerfile': buildah: building at STEP \"RUN x\": '/k' is a key that "
		"this step made");
	sh("printf 'FROM debian\\n' > ctx/Dockerfile");
	expect_error(&b, SS_EREMOTE,
		     "'TOP/ctx/Dockerfile': line 1: cannot resolve "
		     "'docker.io/library/debian:latest': pinging: refused");
	fake("skopeo", "echo '<html>'");
	expect_error(&b, SS_EREMOTE,
		     "'TOP/ctx/Dockerfile': line 1: cannot resolve "
		     "'docker.io/library/debian:latest': the registry's answer is not a manifest");
	fake("buildah",
	     "case \"$*\" in --version) echo 'buildah version 1.28.2'; exit;; esac;"
	     "echo 'Error: initializing source docker://a/b@c: reading manifest: gone' >&2;"
	     "exit 125");
	sh("printf 'FROM debian@" D1 "\\n' > ctx/Dockerfile");
	expect_error(&b, SS_EREMOTE,
		     "'TOP/ctx/Dockerfile': line 1: cannot pull 'docker.io/library/debian@" D1
		     "': reading manifest: gone");
	fake("buildctl",
	     "case \"$1\" in build) echo 'error: failed to solve: process x' >&2; exit 1;;"
	     " esac");
	expect_error(&k, SS_ESYS, "'TOP/ctx/Dockerfile': BuildKit: failed to solve: process x");
	fake("buildctl",
	     "case \"$1\" in build) echo 'error: failed to solve: docker.io/library/debian"
	     "@" D1 ": not found' >&2; exit 1;; esac");
	expect_error(&k, SS_EREMOTE,
		     "'TOP/ctx/Dockerfile': BuildKit: failed to solve: docker.io/library/debian@" D1
		     ": not found");
	fake("buildctl", "case \"$1\" in build) exit 3;; esac");
	expect_error(&k, SS_ESYS, "'TOP/ctx/Dockerfile': BuildKit: it gave no reason");
}

static void bad_requests_are_refused_before_an_engine_starts(void **state)
{
	struct engine_request r = request("auto");

	(void)state;
	sh("rm -f ctx/Dockerfile");
	expect_error(&r, SS_ESYS, "cannot open 'TOP/ctx/Dockerfile': No such file or directory");
	sh("printf 'FORM x' > ctx/Dockerfile");
	expect_error(
		&r, SS_EINPUT,
		"'TOP/ctx/Dockerfile': line 1: unknown instruction 'FORM'; did you mean FROM?");
	r.platform = "linux/arm64";
	expect_error(&r, SS_EUSAGE, "platform 'linux/arm64' is not of arch x86_64 (linux/amd64)");
	r.platform = "windows/amd64";
	expect_error(&r, SS_EUSAGE, "platform 'windows/amd64' is not of arch x86_64 (linux/amd64)");
	r.platform = NULL;
	cfg_pairs_set(&secrets, "a", "/nowhere/s");
	expect_error(&r, SS_ESYS,
		     "secret 'a': cannot open '/nowhere/s': No such file or directory");
	cfg_pairs_set(&secrets, "a", "/x,y");
	expect_error(&r, SS_EUSAGE, "secret 'a': no ',' in its name or path");
	cfg_pairs_done(&secrets);
	r.context = "/nowhere";
	expect_error(&r, SS_ESYS, "cannot read the context '/nowhere': No such file or directory");
	r.context = r.dockerfile;
	expect_error(&r, SS_EINPUT, "the context 'TOP/ctx/Dockerfile' is not a folder");
	r = request("auto");
	fake("buildah", "echo 'buildah version 1.28.2'");
	sh("printf 'FROM scratch\\nCOPY <<E /x\\ny\\nE\\n' > ctx/Dockerfile");
	expect_error(&r, SS_ESYS,
		     "'TOP/ctx/Dockerfile': line 2: buildah 1.28.2 does not know heredocs; 1.33 "
		     "does");
}

static void the_ignore_file_is_found_where_any_engine_would(void **state)
{
	struct engine_request r = request("buildah");
	struct engine_result res;
	char buf[64];

	(void)state;
	fake("buildah", buildah_ok);
	sh("printf 'FROM scratch' > ctx/Dockerfile; echo c > ctx/.containerignore;"
	   "echo d > ctx/.dockerignore");
	res = expect_built(&r);
	engine_result_done(&res);
	assert_string_equal(load("ignore", buf, sizeof(buf)), "**/.git\nc\n");
	sh("echo own > ctx/Dockerfile.dockerignore");
	res = expect_built(&r);
	engine_result_done(&res);
	assert_string_equal(load("ignore", buf, sizeof(buf)), "**/.git\nown\n");
}

static void a_builds_own_results_are_no_inputs(void **state)
{
	struct engine_request r = request("buildah");
	char eif[256], lock[256];
	const char *const outputs[] = { eif, lock, "/nowhere/else.eif", NULL };
	struct engine_result res;
	char buf[256];

	(void)state;
	fake("buildah", buildah_ok);
	sh("printf 'FROM scratch' > ctx/Dockerfile; printf '*.o\\n!enclave.lock' > "
	   "ctx/.dockerignore; mkdir ctx/sub");
	(void)snprintf(eif, sizeof(eif), "%s/ctx/sub/../sub/a*b.eif", top);
	(void)snprintf(lock, sizeof(lock), "%s/ctx/enclave.lock", top);
	r.outputs = outputs;
	res = expect_built(&r);
	engine_result_done(&res);
	assert_string_equal(
		load("ignore", buf, sizeof(buf)),
		"**/.git\n*.o\n!enclave.lock\n/sub/a\\*b.eif\n/sub/.a\\*b.eif.selfsame-new\n"
		"/enclave.lock\n/.enclave.lock.selfsame-new\n");
}

static void the_context_is_a_copy_unless_it_is_wanted_as_it_is(void **state)
{
	struct engine_request r = request("buildah");
	struct engine_result res;
	char cmd[256];

	(void)state;
	fake("buildah", buildah_ok);
	sh("printf 'FROM scratch' > ctx/Dockerfile; umask 077; echo x > ctx/file");
	res = expect_built(&r);
	(void)snprintf(cmd, sizeof(cmd), "[ \"$(stat -c '%%a %%Y' %s/context/file)\" = '644 42' ]",
		       res.dir);
	assert_int_equal(system(cmd), 0);
	engine_result_done(&res);
	r.keep_modes = true;
	res = expect_built(&r);
	engine_result_done(&res);
	sh("tail -n1 calls | grep -q ' '$PWD'/ctx$'");
}

#define ZEROS "000000000000000000000000000000000000000000000000000000000000000"

/* A layer in the image store that no index knows. */
static void litter(void)
{
	sh("cd cache/selfsame/containers; mkdir -p storage/overlay-layers storage/overlay/" ZEROS
	   "1; echo '[]' > storage/overlay-layers/layers.json");
}

static bool is_littered(void)
{
	char path[256];

	(void)snprintf(path, sizeof(path),
		       "%s/cache/selfsame/containers/storage/overlay/" ZEROS "1", top);
	return access(path, F_OK) == 0;
}

static void what_a_killed_build_left_is_cleared_by_the_next(void **state)
{
	struct engine_request r = request("buildah");
	struct engine_result res;

	(void)state;
	fake("buildah", buildah_ok);
	sh("printf 'FROM scratch' > ctx/Dockerfile; mkdir -p cache/selfsame/work/run-dead00/oci;"
	   "echo x > cache/selfsame/work/run-dead00/oci/blob; mkdir cache/selfsame/containers");
	litter();
	res = expect_built(&r);
	assert_int_equal(count_work(), 1);
	engine_result_done(&res);
	assert_false(is_littered());
	litter(); /* nobody was killed */
	res = expect_built(&r);
	engine_result_done(&res);
	assert_true(is_littered());
}

static void what_a_failed_build_left_is_cleared_by_whoever_is_alone(void **state)
{
	struct engine_request r = request("buildah");
	struct engine_result res;
	struct ss_err err = { 0 };
	char lock[256];
	int other;

	(void)state;
	fake("buildah", buildah_fails);
	sh("printf 'FROM scratch' > ctx/Dockerfile; mkdir -p cache/selfsame/containers");
	litter();
	expect_error(&r, SS_ESYS, "'TOP/ctx/Dockerfile': buildah: no");
	assert_false(is_littered());
	sh("[ ! -e cache/selfsame/containers/storage.unclean ]");
	litter();
	(void)snprintf(lock, sizeof(lock), "%s/cache/selfsame/containers/storage.lock", top);
	expect_ok(io_lock_file(lock, false, false, &other, &err), &err);
	expect_error(&r, SS_ESYS, "'TOP/ctx/Dockerfile': buildah: no");
	assert_true(is_littered());
	(void)close(other);
	fake("buildah", buildah_ok);
	res = expect_built(&r);
	engine_result_done(&res);
	assert_false(is_littered());
	sh("[ ! -e cache/selfsame/containers/storage.unclean ]");
}

/* What containers/storage knows of stays, and all that is not its layers. */
static void what_the_store_has_forgotten_is_removed(void **state)
{
	struct engine_request r = request("buildah");

	(void)state;
	fake("buildah", buildah_fails);
	sh("printf 'FROM scratch' > ctx/Dockerfile;"
	   "h() { printf '%064d' $1; }; s=cache/selfsame/containers/storage;"
	   "mkdir -p $s/overlay/l $s/overlay-layers $s/overlay-containers;"
	   "printf '[{\"id\":\"%s\"}]' `h 1` > $s/overlay-layers/layers.json;"
	   "printf '[{\"layer\":\"%s\"}]' `h 2` > $s/overlay-containers/containers.json;"
	   "for i in 1 2 3; do mkdir -p $s/overlay/`h $i`/diff/a; : > $s/overlay-layers/`h $i`.gz;"
	   " ln -s ../`h $i`/diff $s/overlay/l/L$i; done; mkdir $s/overlay/`h 3`x;"
	   "mkdir $s/overlay/new-check27 $s/overlay/new-check $s/overlay/.x9;"
	   "find $s > before");
	expect_error(&r, SS_ESYS, "'TOP/ctx/Dockerfile': buildah: no");
	sh("s=cache/selfsame/containers/storage; find $s | sort > after;"
	   "z=`printf '%063d' 0`; sort before | grep -v -e ${z}3$ -e ${z}3/ -e ${z}3.gz -e l/L3 -e "
	   "check27 |"
	   "cmp - after; [ `grep -c . before` -gt `grep -c . after` ]");
	sh("rm cache/selfsame/containers/storage/overlay-layers/layers.json;"
	   "find cache/selfsame/containers/storage | sort > after");
	expect_error(&r, SS_ESYS, "'TOP/ctx/Dockerfile': buildah: no");
	sh("find cache/selfsame/containers/storage | sort | cmp - after");
}

static int set_up(void **state)
{
	char path[4400];

	(void)state;
	if (mkdtemp(top) == NULL)
		return -1;
	(void)snprintf(path_was, sizeof(path_was), "%s", getenv("PATH"));
	(void)snprintf(path, sizeof(path), "%s/cache", top);
	return setenv("XDG_CACHE_HOME", path, 1);
}

/* Only the fakes and what scripts need; the real engines of this machine are out of sight. */
static int each(void **state)
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

static int tear_down(void **state)
{
	char cmd[64];

	(void)state;
	(void)setenv("PATH", path_was, 1);
	(void)snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	return system(cmd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(buildah_is_asked_for_exactly_this, each),
		cmocka_unit_test_setup(a_view_reaches_the_runtime_of_the_steps, each),
		cmocka_unit_test_setup(buildctl_is_asked_for_exactly_this, each),
		cmocka_unit_test_setup(buildx_is_asked_where_there_is_no_buildctl, each),
		cmocka_unit_test_setup(without_skopeo_buildah_resolves, each),
		cmocka_unit_test_setup(locked_bases_are_taken_from_the_lock, each),
		cmocka_unit_test_setup(a_missing_engine_is_named_with_a_way_out, each),
		cmocka_unit_test_setup(an_engine_that_fails_gives_its_last_words, each),
		cmocka_unit_test_setup(bad_requests_are_refused_before_an_engine_starts, each),
		cmocka_unit_test_setup(the_ignore_file_is_found_where_any_engine_would, each),
		cmocka_unit_test_setup(a_builds_own_results_are_no_inputs, each),
		cmocka_unit_test_setup(the_context_is_a_copy_unless_it_is_wanted_as_it_is, each),
		cmocka_unit_test_setup(what_a_killed_build_left_is_cleared_by_the_next, each),
		cmocka_unit_test_setup(what_a_failed_build_left_is_cleared_by_whoever_is_alone,
				       each),
		cmocka_unit_test_setup(what_the_store_has_forgotten_is_removed, each),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
