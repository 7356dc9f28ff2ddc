/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/image_config.h"

#include "base/mem.h"

#include <string.h>

static int take_strings(const json_t *o, const char *key, struct oci_strings *ret,
			struct ss_err *err)
{
	const json_t *array;

	if (js_arr(o, key, false, &array, err) < 0)
		return -1;
	ret->v = ss_calloc(json_array_size(array) + 1, sizeof(*ret->v));
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *s = json_string_value(json_array_get(array, i));

		if (s == NULL)
			return ss_fail(err, SS_EINPUT, "'%s' %zu is not a string", key, i);
		ret->v[ret->n++] = ss_copy(s);
	}
	return 0;
}

static int take_string(const json_t *o, const char *key, char **ret, struct ss_err *err)
{
	const char *s;

	if (js_str(o, key, false, &s, err) < 0)
		return -1;
	if (s != NULL && s[0] != '\0') /* engines write "" for what is not set */
		*ret = ss_copy(s);
	return 0;
}

static int take_keys(const json_t *o, const char *key, struct oci_strings *ret, struct ss_err *err)
{
	AUTO_FREE const char **keys = NULL;
	const json_t *member;
	size_t n = 0;

	if (js_obj(o, key, false, &member, err) < 0)
		return -1;
	if (member != NULL)
		keys = js_keys(member, &n);
	ret->v = ss_calloc(n + 1, sizeof(*ret->v));
	for (; ret->n < n; ret->n++)
		ret->v[ret->n] = ss_copy(keys[ret->n]);
	return 0;
}

int oci_image_take(const struct oci_config *c, struct oci_image *ret, struct ss_err *err)
{
	AUTO_JSON json_t *none = json_object();
	const json_t *o = c->config != NULL ? c->config : none;

	ret->has_config = true;
	ret->arch = ss_copy(c->arch);
	if (take_strings(o, "Entrypoint", &ret->entrypoint, err) < 0 ||
	    take_strings(o, "Cmd", &ret->cmd, err) < 0 ||
	    take_strings(o, "Env", &ret->env, err) < 0 ||
	    take_keys(o, "ExposedPorts", &ret->ports, err) < 0 ||
	    take_string(o, "WorkingDir", &ret->workdir, err) < 0 ||
	    take_string(o, "User", &ret->user, err) < 0 ||
	    take_string(o, "StopSignal", &ret->stop_signal, err) < 0)
		return ss_ctx(err, "config");
	return 0;
}

static void strings_done(struct oci_strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
}

void oci_image_done(struct oci_image *i)
{
	strings_done(&i->entrypoint);
	strings_done(&i->cmd);
	strings_done(&i->env);
	strings_done(&i->ports);
	free(i->workdir);
	free(i->user);
	free(i->stop_signal);
	free(i->arch);
	ss_buf_done(&i->config_json);
	oci_guards_done(&i->guards);
	*i = (struct oci_image){ 0 };
}
