/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "hermetic/hidden.h"
#include "hermetic/step.h"

#include <stdlib.h>
#include <string.h>

static const struct hm_view none;

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

	expect_ok(hermetic_step_apply(j, "/b", "7", &none, &err), &err);
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
	expect_ok(hermetic_step_apply(j, "/b", "7", &none, &err), &err);
	text = json_dumps(j, JSON_COMPACT);
	assert_null(strstr(text, "a9fcf2aefd3c"));
	assert_non_null(strstr(text, "\"hostname\":\"selfsame\""));
	assert_non_null(strstr(text, "\"HOSTNAME=selfsame\""));
	assert_non_null(strstr(text, "\"source\":\"/b/selfsame-hosts\""));
	assert_non_null(strstr(text, "\"source\":\"/x/resolv.conf\""));
	assert_non_null(strstr(text, "\"umask\":18"));
}

static size_t at(const json_t *mounts, const char *destination)
{
	const size_t n = json_array_size(mounts);

	for (size_t i = 0; i < n; i++)
		if (strcmp(json_string_value(
				   json_object_get(json_array_get(mounts, i), "destination")),
			   destination) == 0)
			return i;
	return n;
}

static void what_only_one_engine_mounts_goes(void **state)
{
	static const char *const gone[] = { "/etc/hostname", "/run/.containerenv",
					    "/dev/otel-grpc.sock" };
	AUTO_JSON json_t *j = config("[]");
	json_t *mounts = json_object_get(j, "mounts");
	struct ss_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(gone); i++)
		(void)json_array_insert_new(
			mounts, i, json_pack("{s:s,s:s}", "destination", gone[i], "source", "/x"));
	(void)json_array_append_new(mounts, json_pack("{s:s}", "destination", "/etc/hostname/x"));
	expect_ok(hermetic_step_apply(j, "/b", "7", &none, &err), &err);
	assert_int_equal(json_array_size(mounts), 3);
	assert_int_equal(at(mounts, "/etc/hosts"), 0);
	assert_int_equal(at(mounts, "/etc/resolv.conf"), 1);
	assert_int_equal(at(mounts, "/etc/hostname/x"), 2);
}

static void the_identity_of_buildkits_tracing_goes_and_the_images_own_stays(void **state)
{
	(void)state;
	expect_env("[\"LC_ALL=C\",\"OTEL_TRACES_EXPORTER=otlp\","
		   "\"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=unix:///dev/otel-grpc.sock\","
		   "\"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc\",\"OTEL_TRACE_PARENT=00-4a\","
		   "\"TRACEPARENT=00-4a\",\"TRACESTATE=x\",\"OTEL_TRACES_EXPORTER=none\"]",
		   "[\"LC_ALL=C\",\"OTEL_TRACES_EXPORTER=none\",\"PYTHONHASHSEED=0\","
		   "\"SOURCE_DATE_EPOCH=7\",\"TZ=UTC\"]");
	expect_env("[\"LC_ALL=C\",\"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://192.0.2.1\","
		   "\"TRACEPARENT=1\"]",
		   "[\"LC_ALL=C\",\"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://192.0.2.1\","
		   "\"PYTHONHASHSEED=0\",\"SOURCE_DATE_EPOCH=7\",\"TRACEPARENT=1\",\"TZ=UTC\"]");
}

static void without_an_epoch_the_steps_own_counts(void **state)
{
	AUTO_JSON json_t *with = config("[\"SOURCE_DATE_EPOCH=9\"]");
	AUTO_JSON json_t *without = config("[]");
	struct ss_err err = { 0 };
	AUTO_FREE char *text = NULL;

	(void)state;
	expect_ok(hermetic_step_apply(with, "/b", NULL, &none, &err), &err);
	text = json_dumps(with, JSON_COMPACT);
	assert_non_null(strstr(text, "\"SOURCE_DATE_EPOCH=9\""));
	expect_fails(hermetic_step_apply(without, "/b", NULL, &none, &err), &err, SS_EUSAGE,
		     "neither SELFSAME_STEP_EPOCH nor the step's SOURCE_DATE_EPOCH is set");
}

static void a_bundle_without_a_process_is_refused(void **state)
{
	AUTO_JSON json_t *empty = json_object();
	AUTO_JSON json_t *list = json_array();
	AUTO_JSON json_t *odd = config("\"PATH=/bin\"");
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(hermetic_step_apply(odd, "/b", "7", &none, &err), &err, SS_EINPUT,
		     "the bundle's process.env is not a list");
	expect_fails(hermetic_step_apply(empty, "/b", "7", &none, &err), &err, SS_EINPUT,
		     "the bundle has no process with a user");
	expect_fails(hermetic_step_apply(list, "/b", "7", &none, &err), &err, SS_EINPUT,
		     "the bundle's config is not a JSON object");
}

static void a_view_changes_what_it_names_and_nothing_else(void **state)
{
	AUTO_JSON json_t *j = config("[\"HOSTNAME=a9fcf2aefd3c\",\"PATH=/bin\",\"X=1\","
				     "\"Y=1\",\"Y=2\"]");
	AUTO_JSON json_t *env =
		json_loads("[\"HOSTNAME=other\",\"LANG=de_DE.UTF-8\","
			   "\"PATH=/bin:/selfsame/nowhere:/selfsame/nowhere\",\"PYTHONHASHSEED=0\","
			   "\"SOURCE_DATE_EPOCH=7\",\"TZ=Asia/Tokyo\",\"X=2\"]",
			   0, NULL);
	AUTO_JSON json_t *rest = json_loads(
		"{\"sysctl\":{\"kernel.domainname\":\"d\"},\"resources\":{\"memory\":"
		"{\"limit\":268435456}},\"namespaces\":[{\"type\":\"user\"}],"
		"\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":4294967295}],"
		"\"gidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":4294967295}]}",
		0, NULL);
	AUTO_VIEW struct hm_view v = { .umask = hm_num(077),
				       .memory_mib = hm_num(256),
				       .path_bytes = hm_num(30),
				       .user_ns = hm_num(1) };
	AUTO_BUF struct ss_buf hosts = SS_BUF_INIT(4096);
	struct ss_err err = { 0 };
	AUTO_FREE char *text = NULL;

	(void)state;
	hm_text_set(&v.host, "other");
	hm_text_set(&v.domain, "d");
	hm_text_set(&v.tz, "Asia/Tokyo");
	hm_text_set(&v.locale, "de_DE.UTF-8");
	hm_view_env(&v, "X=2");
	hm_view_env(&v, "Y");
	expect_ok(hermetic_step_apply(j, "/b", "7", &v, &err), &err);
	text = json_dumps(json_object_get(j, "process"), JSON_COMPACT | JSON_SORT_KEYS);
	assert_true(json_equal(json_object_get(json_object_get(j, "process"), "env"), env));
	assert_true(json_equal(json_object_get(j, "linux"), rest));
	assert_non_null(strstr(text, "\"umask\":63"));
	assert_string_equal(json_string_value(json_object_get(j, "hostname")), "other");
	hermetic_hosts(&v, &hosts);
	ss_buf_put(&hosts, (struct ss_span){ (const uint8_t *)"", 1 });
	assert_string_equal((const char *)hosts.p, "127.0.0.1\tlocalhost other\n"
						   "::1\tlocalhost ip6-localhost ip6-loopback\n");
}

/* A sysfs cannot be mounted where the network belongs to another user name space. */
static void a_user_name_space_on_another_network_borrows_sysfs(void **state)
{
	static const struct {
		const char *spaces, *want;
		bool net; /* the recorder's */
	} cases[] = {
		{ "[{\"type\":\"mount\"}]",
		  "{\"destination\":\"/"
		  "sys\",\"options\":[\"rbind\",\"nosuid\",\"noexec\",\"nodev\","
		  "\"ro\"],\"source\":\"/sys\",\"type\":\"bind\"}",
		  false },
		{ "[{\"type\":\"mount\"},{\"type\":\"network\"}]",
		  "{\"destination\":\"/sys\",\"source\":\"sysfs\",\"type\":\"sysfs\"}", false },
		{ "[{\"type\":\"mount\"},{\"type\":\"network\"}]",
		  "{\"destination\":\"/"
		  "sys\",\"options\":[\"rbind\",\"nosuid\",\"noexec\",\"nodev\","
		  "\"ro\"],\"source\":\"/sys\",\"type\":\"bind\"}",
		  true },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_JSON json_t *j =
			json_pack("{s:{s:[],s:{s:i}}, s:{s:o}, s:[{s:s,s:s,s:s},{s:s,s:s,s:s}]}",
				  "process", "env", "user", "uid", 0, "linux", "namespaces",
				  json_loads(cases[i].spaces, 0, NULL), "mounts", "destination",
				  "/proc", "source", "proc", "type", "proc", "destination", "/sys",
				  "source", "sysfs", "type", "sysfs");
		AUTO_VIEW struct hm_view v = { .user_ns = hm_num(1) };
		struct ss_err err = { 0 };
		AUTO_FREE char *text = NULL;
		const json_t *mounts;

		v.net = cases[i].net ? hm_num(1) : v.net;

		assert_non_null(j);
		expect_ok(hermetic_step_apply(j, "/b", "7", &v, &err), &err);
		mounts = json_object_get(j, "mounts");
		text = json_dumps(json_array_get(mounts, 1), JSON_COMPACT | JSON_SORT_KEYS);
		assert_string_equal(text, cases[i].want);
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(mounts, 0), "type")),
			"proc");
	}
}

/* --- what mounts hide --------------------------------------------------------------------- */

static char top[] = "/tmp/selfsame-hidden-XXXXXX";

static void sh(const char *script)
{
	char all[1024];

	(void)snprintf(all, sizeof(all), "set -e; cd %s; %s", top, script);
	assert_int_equal(system(all), 0);
}

static void expect_hidden(const char *root, const char *mounts, const char *want)
{
	AUTO_JSON json_t *j = json_pack("{s:{s:s}, s:o}", "root", "path", root, "mounts",
					json_loads(mounts, 0, NULL));
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);

	assert_non_null(j);
	hermetic_hidden(j, top, &b);
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
	assert_string_equal((const char *)b.p, want);
}

static void what_a_mount_hides_is_named(void **state)
{
	char root[64];

	(void)state;
	assert_non_null(mkdtemp(top));
	(void)snprintf(root, sizeof(root), "%s/r", top);
	sh("mkdir -p r/full r/dev r/etc r/vol r/real; ln -s /real r/link; ln -s /nowhere "
	   "r/dangling;"
	   "echo x > r/etc/motd; touch r/etc/hosts outside; ln -s ../.. r/out");
	expect_hidden(root,
		      "[{\"destination\":\"/full\",\"options\":[\"ro\",\"rbind\"]},"
		      "{\"destination\":\"/full/new\"},{\"destination\":\"/new\"},"
		      "{\"destination\":\"/etc/motd\",\"options\":[\"bind\",\"rprivate\",\"ro\"]},"
		      "{\"destination\":\"/link\"},{\"destination\":\"/dangling\"},"
		      "{\"destination\":\"/link/x\"},{\"destination\":\"/out/outside\"}]",
		      "/full\n/etc/motd\n/link\n/dangling\n");
	/* As in a bundle whose root is named relative to it. */
	expect_hidden("r", "[{\"destination\":\"/full\"}]", "/full\n");
	expect_hidden("r",
		      "[{\"destination\":\"/dev\"},{\"destination\":\"/dev/shm\"},"
		      "{\"destination\":\"/etc/hosts\"},{\"destination\":7},{},"
		      "{\"destination\":\"/vol\",\"options\":[\"bind\"]}]",
		      "");
	expect_hidden("nowhere", "[{\"destination\":\"/full\"}]", "");
	sh("rm -rf r outside; rmdir ../${PWD##*/}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_gets_one_clock_one_zone_one_locale),
		cmocka_unit_test(what_the_dockerfile_sets_stays),
		cmocka_unit_test(whatever_order_the_engine_has_the_step_sees_one),
		cmocka_unit_test(the_engines_random_host_name_is_replaced_everywhere),
		cmocka_unit_test(what_only_one_engine_mounts_goes),
		cmocka_unit_test(the_identity_of_buildkits_tracing_goes_and_the_images_own_stays),
		cmocka_unit_test(a_view_changes_what_it_names_and_nothing_else),
		cmocka_unit_test(without_an_epoch_the_steps_own_counts),
		cmocka_unit_test(a_bundle_without_a_process_is_refused),
		cmocka_unit_test(a_user_name_space_on_another_network_borrows_sysfs),
		cmocka_unit_test(what_a_mount_hides_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
