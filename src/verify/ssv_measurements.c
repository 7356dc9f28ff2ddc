/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/ssv_measurements.h"

#include "base/hex.h"
#include "fmt/json.h"

#include <string.h>

static int get_hex(const json_t *o, const char *key, bool need, uint8_t ret[ATT_PCR_SIZE],
		   bool *ret_there, struct ss_err *err)
{
	const char *text = NULL;

	if (js_str(o, key, need, &text, err) < 0)
		return -1;
	*ret_there = text != NULL;
	if (text != NULL && !ss_unhex(text, ret, ATT_PCR_SIZE))
		return ss_fail(err, SS_EINPUT, "'%s' must be %u hexadecimal digits", key,
			       2 * ATT_PCR_SIZE);
	return 0;
}

/* Whoever wrote one of the others down believes that it is compared. */
static int check_no_others(const json_t *o, struct ss_err *err)
{
	for (unsigned i = 3; i < ATT_PCRS; i++) {
		char key[8];

		(void)snprintf(key, sizeof(key), "PCR%u", i);
		if (i != 8 && json_object_get(o, key) != NULL)
			return ss_fail(err, SS_EINPUT, "'%s' is no register of an image", key);
	}
	return 0;
}

static int read_registers(const json_t *o, struct att_release *r, struct ss_err *err)
{
	static const char *const keys[] = { "PCR0", "PCR1", "PCR2" };
	const char *algorithm = NULL;
	bool there;

	if (js_str(o, "HashAlgorithm", true, &algorithm, err) < 0)
		return -1;
	if (strncmp(algorithm, "Sha384", 6) != 0)
		return ss_fail(err, SS_EINPUT, "'HashAlgorithm' must be Sha384 { ... }");
	for (size_t i = 0; i < SS_NELEMS(keys); i++)
		if (get_hex(o, keys[i], true, r->pcr[i], &there, err) < 0)
			return -1;
	if (check_no_others(o, err) < 0)
		return -1;
	return get_hex(o, "PCR8", false, r->pcr8, &r->has_pcr8, err);
}

static int read_part(const json_t *o, size_t *ramdisks, struct att_part *ret, struct ss_err *err)
{
	const char *type = NULL;
	bool there;

	if (!json_is_object(o))
		return ss_fail(err, SS_EINPUT, "'parts' must hold objects");
	if (js_str(o, "type", true, &type, err) < 0)
		return -1;
	if (strcmp(type, "ramdisk") == 0)
		(void)snprintf(ret->name, sizeof(ret->name), "ramdisk%zu", (*ramdisks)++);
	else if (strcmp(type, "kernel") == 0 || strcmp(type, "cmdline") == 0)
		(void)snprintf(ret->name, sizeof(ret->name), "%s", type);
	else
		return ss_fail(err, SS_EINPUT, "'type' must be kernel, cmdline or ramdisk");
	if (js_u64(o, "size", true, &ret->size, err) < 0)
		return -1;
	return get_hex(o, "sha384", true, ret->sha384, &there, err);
}

static int read_parts(const json_t *o, struct att_part *parts, size_t *ret_n, struct ss_err *err)
{
	const json_t *list = NULL;
	size_t ramdisks = 0;

	if (js_arr(o, "parts", false, &list, err) < 0)
		return -1;
	if (json_array_size(list) > ATT_PARTS_MAX)
		return ss_fail(err, SS_ELIMIT, "%zu parts; the format holds %u",
			       json_array_size(list), ATT_PARTS_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		parts[i] = (struct att_part){ 0 };
		if (read_part(json_array_get(list, i), &ramdisks, &parts[i], err) < 0)
			return ss_ctx(err, "part %zu", i);
	}
	*ret_n = json_array_size(list);
	return 0;
}

int ssv_measurements_read(struct ss_span in, struct att_part *parts, struct att_release *ret,
			  struct ss_err *err)
{
	AUTO_JSON json_t *o = NULL;
	struct att_release r = { .parts = parts };
	const json_t *registers = NULL;

	if (js_read(in, SSV_MEASUREMENTS_MAX, "measurements", &o, err) < 0)
		return -1;
	if (!json_is_object(o))
		return ss_fail(err, SS_EINPUT, "measurements must be an object");
	if (js_obj(o, "Measurements", false, &registers, err) < 0 ||
	    read_registers(registers != NULL ? registers : o, &r, err) < 0 ||
	    read_parts(o, parts, &r.n_parts, err) < 0)
		return -1;
	*ret = r;
	return 0;
}
