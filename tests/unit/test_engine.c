/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/job.h"
#include "engine_fakes.h"
#include "hermetic/view.h"

#include <stdio.h>
#include <stdlib.h>

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
	assert_true(res.viewed);
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

/* What the bases' ages were told to, and what it makes of them. */
struct told {
	struct hm_view *view;
	uint64_t newest;
	unsigned n;
	bool fails;
};

static int hear_made(void *ctx, uint64_t newest, uint32_t *ret_epoch, struct ss_err *err)
{
	struct told *t = ctx;

	t->newest = newest;
	t->n++;
	if (t->fails)
		return ss_fail(err, SS_ESYS, "too new");
	*ret_epoch = 1800000000;
	t->view->clock_frozen = hm_num(1800000000);
	return 0;
}

/* Two bases, one of them used twice; each has another id, and `a` and `b` are when they were made.
 */
static void fake_ages(const char *a, const char *b)
{
	char script[2048];

	(void)snprintf(script, sizeof(script),
		       "case \"$*\" in --version) echo 'buildah version 1.28.2 (image-spec 1.1)';; "
		       "*'pull --policy never'*/a@*) echo id-a;; "
		       "*'pull --policy never'*/b@*) echo id-b;; "
		       "*inspect*id-a) echo '{%s}';; *inspect*id-b) echo '{%s}';; "
		       "*' bud '*) cp \"$SELFSAME_STEP_VIEW\" seen; echo \"$SELFSAME_STEP_EPOCH\" "
		       ">>seen; for w; do last=$w; done; stat -c %%Y \"$last/x\" >>seen;; esac\n"
		       "while [ $# -gt 0 ]; do case \"$1\" in --tag=oci:*) d=${1#--tag=oci:}; "
		       "mkdir -p \"${d%%:image}\";; esac; shift; done",
		       a, b);
	fake("buildah", script);
}

#define CREATED(t) "\"created\": \"" t "\""

static void an_image_says_in_any_zone_when_it_was_made(void **state)
{
	static const struct {
		const char *created;
		uint64_t at;
	} cases[] = {
		{ "2026-03-04T05:06:07Z", 1772600767 },
		{ "2026-03-04T05:06:07z", 1772600767 },
		{ "2026-03-04T05:06:07.9Z", 1772600767 },
		{ "2026-03-04T05:06:07.999999999+00:00", 1772600767 },
		{ "2026-03-04T06:36:07+01:30", 1772600767 },
		{ "2026-03-03T21:06:07-08:00", 1772600767 },
		{ "1970-01-01T00:00:01Z", 1 },
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01T00:00:00+00:01", 0 },
		{ "0001-01-01T00:00:00Z", 0 },
		{ "9999-12-31T23:59:59-23:59", 253402387139 },
		{ "", 0 },
		{ "2026-03-04", 0 },
		{ "2026-03-04T05:06:07", 0 },
		{ "2026-03-04T05:06:07+1:00", 0 },
		{ "2026-03-04T05:06:07+01.00", 0 },
		{ "2026-03-04T05:06:07+01:000", 0 },
		{ "2026-03-04T05:06:07Zx", 0 },
		{ "2026-02-30T05:06:07Z", 0 },
		{ "2026-03-04 05:06:07Z", 0 },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		assert_true(engine_made_at(cases[i].created) == cases[i].at);
}

static void a_view_may_wait_for_when_the_bases_were_made(void **state)
{
	struct hm_view v = { .clock_frozen = hm_num(0) };
	struct told told = { .view = &v };
	struct engine_request r = request("auto");
	struct engine_result res;
	char buf[16384];

	(void)state;
	fake_ages(CREATED("2026-03-04T05:06:07.123456789Z"), CREATED("2026-03-04T07:06:06+02:00"));
	sh("printf 'FROM a@" D1 "\nFROM b@" D1 "\nCOPY --from=a@" D1 " / /\nCOPY x /\n' > "
	   "ctx/Dockerfile; echo x > ctx/x");
	r.view = &v;
	r.bases_made = hear_made;
	r.ctx = &told;
	res = expect_built(&r);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.newest, 1772600767);
	assert_string_equal(load("seen", buf, sizeof(buf)),
			    "selfsame-view 1\nclock-frozen 1800000000\n1800000000\n1800000000\n");
	engine_result_done(&res);
	sh("test \"$(grep -c ' inspect ' calls)\" = 2");

	/* Made before 1970, and told by nobody. */
	fake_ages(CREATED("0001-01-01T00:00:00Z"), "");
	res = expect_built(&r);
	assert_int_equal(told.newest, 0);
	engine_result_done(&res);
	fake_ages("", "\"created\": 5");
	expect_error(&r, SS_EINPUT,
		     "'TOP/ctx/Dockerfile': line 2: 'docker.io/library/b@" D1
		     "': 'created' is not a string");
	fake_ages("", "");
	told.fails = true;
	expect_error(&r, SS_ESYS, "too new");
	/* Without a view nobody asks. */
	told.n = 0;
	r.view = NULL;
	sh("rm calls");
	fake("buildah", buildah_ok);
	res = expect_built(&r);
	engine_result_done(&res);
	assert_int_equal(told.n, 0);
	sh("! grep ' inspect ' calls");
}

static void an_engine_that_knows_no_view_may_do_without_if_asked(void **state)
{
	struct hm_view v = { .cpus = hm_num(1) };
	struct engine_request r = request("buildkit");
	struct engine_result res;
	char buf[512];

	(void)state;
	fake("buildctl",
	     "case \"$*\" in 'debug info') echo 'BuildKit: github.com/moby/buildkit v0.12.5 abc';; "
	     "build*) echo \"view ${SELFSAME_STEP_VIEW-none}, net ${SELFSAME_STEP_NET-none}\" "
	     ">seen; "
	     "while [ $# -gt 0 ]; do case \"$1\" in *,dest=*) mkdir \"${1##*=}\"; "
	     "echo {} >\"${1##*=}/index.json\";; esac; shift; done;; esac");
	sh("printf 'FROM scratch\\nCOPY x /\\n' > ctx/Dockerfile; echo x > ctx/x");
	r.view = &v;
	r.net = "/doors";
	r.view_or_none = true;
	res = expect_built(&r);
	assert_false(res.viewed);
	assert_string_equal(load("seen", buf, sizeof(buf)), "view none, net none\n");
	engine_result_done(&res);
}

#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void
a_sweep_leaves_what_the_store_knows_and_without_an_index_all_that_has_a_name(void **state)
{
	char store[1100], buf[4096];

	(void)state;
	(void)snprintf(store, sizeof(store), "%s/swept", top);
	sh("mkdir -p swept/overlay/" ID " swept/overlay/metacopy-check3440420370 swept/overlay/l");
	buildah_sweep(store);
	sh("cd swept/overlay && echo * >../../seen");
	assert_string_equal(load("seen", buf, sizeof(buf)), ID " l\n");
	sh("mkdir -p swept/overlay-layers swept/overlay/" ID ".x swept/overlay/opaque-bug-check1 "
	   "swept/overlay/" OTHER "; echo '[{\"id\":\"" ID
	   "\"}]' >swept/overlay-layers/layers.json");
	buildah_sweep(store);
	sh("cd swept/overlay && echo * >../../seen");
	assert_string_equal(load("seen", buf, sizeof(buf)), ID " " ID ".x l\n");
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

static void skopeo_asks_where_the_engine_would(void **state)
{
	struct engine_request r = request("buildah");
	struct engine_result res;

	(void)state;
	fake("buildah", buildah_ok);
	fake("skopeo", skopeo_ok);
	sh("printf 'FROM debian:12\\n' > ctx/Dockerfile");
	(void)setenv("CONTAINERS_REGISTRIES_CONF", "/some/registries.conf", 1);
	res = expect_built(&r);
	engine_result_done(&res);
	sh("grep -qxF 'skopeo inspect --raw --registries-conf /some/registries.conf "
	   "docker://docker.io/library/debian:12' calls");
	(void)setenv("CONTAINERS_REGISTRIES_CONF", "", 1);
	sh("rm calls");
	res = expect_built(&r);
	engine_result_done(&res);
	(void)unsetenv("CONTAINERS_REGISTRIES_CONF");
	sh("grep -qxF 'skopeo inspect --raw docker://docker.io/library/debian:12' calls");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(buildah_is_asked_for_exactly_this, each),
		cmocka_unit_test_setup(a_view_reaches_the_runtime_of_the_steps, each),
		cmocka_unit_test(an_image_says_in_any_zone_when_it_was_made),
		cmocka_unit_test_setup(a_view_may_wait_for_when_the_bases_were_made, each),
		cmocka_unit_test_setup(
			a_sweep_leaves_what_the_store_knows_and_without_an_index_all_that_has_a_name,
			each),
		cmocka_unit_test_setup(an_engine_that_knows_no_view_may_do_without_if_asked, each),
		cmocka_unit_test_setup(buildctl_is_asked_for_exactly_this, each),
		cmocka_unit_test_setup(buildx_is_asked_where_there_is_no_buildctl, each),
		cmocka_unit_test_setup(skopeo_asks_where_the_engine_would, each),
		cmocka_unit_test_setup(without_skopeo_buildah_resolves, each),
		cmocka_unit_test_setup(locked_bases_are_taken_from_the_lock, each),
		cmocka_unit_test_setup(a_missing_engine_is_named_with_a_way_out, each),
		cmocka_unit_test_setup(an_engine_that_fails_gives_its_last_words, each),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
