/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/job.h"
#include "io/file.h"

#include <string.h>

#define HIDDEN_MAX ((size_t)1024 * 1024)

static void add(const struct engine_job *j, const char *path, struct cfg_texts *ret)
{
	const char *line = cfg_pairs_get(&j->file.mounts, path);
	AUTO_FREE char *text =
		line != NULL ? engine_text("%s: line %s: %s", j->req->dockerfile, line, path)
			     : engine_text("%s: %s", j->req->dockerfile, path);

	for (size_t i = 0; i < ret->n; i++)
		if (strcmp(ret->v[i], text) == 0)
			return;
	cfg_texts_push(ret, text);
}

int engine_lost(const struct engine_job *j, struct cfg_texts *ret, struct ss_err *err)
{
	AUTO_FREE char *path = engine_text("%s/" ENGINE_HIDDEN, j->work.path);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(HIDDEN_MAX);

	if (access(path, F_OK) != 0)
		return 0;
	if (io_load_file(path, &b, err) < 0)
		return -1;
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
	for (char *at = (char *)b.p; *at != '\0';) {
		char *end = at + strcspn(at, "\n");

		if (*end != '\0')
			*end++ = '\0';
		add(j, at, ret);
		at = end;
	}
	cfg_texts_sort(ret);
	return 0;
}
