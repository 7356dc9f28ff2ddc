/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "hermetic/step.h"

#include <string.h>

static json_t *config(const char *env)
{
	json_t *j = json_pack("{s:s, s:{s:{s:i}, s:o}, s:[{s:s,s:s},{s:s,s:s}]}", "hostname",
			      "a9fcf2aefd3c", "process", "user", "uid", 0, "env",
			      json_loads(env, JSON_DECODE_ANY, NULL), "mounts", "destination",
			      "/etc/hosts", "source", "/x/hosts", "destination", "/etc/resolv.conf",
			      "source", "/x/resolv.conf");

	assert_non_null(j);
	return j;
}

static void expect_env(const char *before, const char *after)
{
	AUTO_JSON json_t *j = config(before);
	AUTO_JSON json_t *want = json_loads(after, 0, NULL);
	struct ss_err err = { 0 };

	expect_ok(hermetic_step_apply(j, "/b", "7", &err), &err);
	assert_true(json_equal(json_object_get(json_object_get(j, "process"), "env"), want));
}

static void a_step_gets_one_clock_one_zone_one_locale(void **state)
{
	(void)state;
	expect_env("[\"PATH=/bin\"]", "[\"LANG=C.UTF-8\",\"PATH=/bin\",\"PYTHONHASHSEED=0\","
				      "\"SOURCE_DATE_EPOCH=7\",\"TZ=UTC\"]");
}

static void what_the_dockerfile_sets_stays(void **state)
{
	(void)state;
	expect_env("[\"TZ=Asia/Tokyo\",\"LC_TIME=de_DE\",\"SOURCE_DATE_EPOCH=1\"]",
		   "[\"LC_TIME=de_DE\",\"PYTHONHASHSEED=0\",\"SOURCE_DATE_EPOCH=1\","
		   "\"TZ=Asia/Tokyo\"]");
	expect_env("[\"LANG=fr\",\"HOSTNAME=mine\",\"TZ=\",\"PYTHONHASHSEED=5\"]",
		   "[\"HOSTNAME=mine\",\"LANG=fr\",\"PYTHONHASHSEED=5\","
		   "\"SOURCE_DATE_EPOCH=7\",\"TZ=\"]");
}

static void whatever_order_the_engine_has_the_step_sees_one(void **state)
{
	static const char after[] = "[\"=x\",\"A=2\",\"A=1\",\"A0=\",\"AB=\",\"LANG=\","
				    "\"PYTHONHASHSEED=\",\"SOURCE_DATE_EPOCH=\",\"TZ=\",\"W\"]";

	(void)state;
	expect_env("[\"W\",\"AB=\",\"A=2\",\"LANG=\",\"TZ=\",\"SOURCE_DATE_EPOCH=\",\"A0=\","
		   "\"A=1\",\"=x\",\"PYTHONHASHSEED=\"]",
		   after);
	expect_env("[\"A=2\",\"PYTHONHASHSEED=\",\"=x\",\"SOURCE_DATE_EPOCH=\",\"TZ=\",\"A=1\","
		   "\"AB=\",\"A0=\",\"LANG=\",\"W\"]",
		   after);
}

static void the_engines_random_host_name_is_replaced_everywhere(void **state)
{
	AUTO_JSON json_t *j = config("[\"HOSTNAME=a9fcf2aefd3c\"]");
	struct ss_err err = { 0 };
	AUTO_FREE char *text = NULL;

	(void)state;
	expect_ok(hermetic_step_apply(j, "/b", "7", &err), &err);
	text = json_dumps(j, JSON_COMPACT);
	assert_null(strstr(text, "a9fcf2aefd3c"));
	assert_non_null(strstr(text, "\"hostname\":\"selfsame\""));
	assert_non_null(strstr(text, "\"HOSTNAME=selfsame\""));
	assert_non_null(strstr(text, "\"source\":\"/b/selfsame-hosts\""));
	assert_non_null(strstr(text, "\"source\":\"/x/resolv.conf\""));
	assert_non_null(strstr(text, "\"umask\":18"));
}

static void a_bundle_without_a_process_is_refused(void **state)
{
	AUTO_JSON json_t *empty = json_object();
	AUTO_JSON json_t *list = json_array();
	AUTO_JSON json_t *odd = config("\"PATH=/bin\"");
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(hermetic_step_apply(odd, "/b", "7", &err), &err, SS_EINPUT,
		     "the bundle's process.env is not a list");
	expect_fails(hermetic_step_apply(empty, "/b", "7", &err), &err, SS_EINPUT,
		     "the bundle has no process with a user");
	expect_fails(hermetic_step_apply(list, "/b", "7", &err), &err, SS_EINPUT,
		     "the bundle's config is not a JSON object");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_gets_one_clock_one_zone_one_locale),
		cmocka_unit_test(what_the_dockerfile_sets_stays),
		cmocka_unit_test(whatever_order_the_engine_has_the_step_sees_one),
		cmocka_unit_test(the_engines_random_host_name_is_replaced_everywhere),
		cmocka_unit_test(a_bundle_without_a_process_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
