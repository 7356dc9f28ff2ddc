/* SPDX-License-Identifier: Apache-2.0 */
#include "engine_fakes.h"
#include "io/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
