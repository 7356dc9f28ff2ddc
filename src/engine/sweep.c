/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/job.h"
#include "io/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

/*
 * containers/storage writes a layer's folder before it notes the layer in its index, and forgets
 * the layer before it removes the folder: killed in between, it leaves what it will never look at
 * again. Here that is removed: what is called after an identity that stands in none of the indexes.
 */

/* The order in which things are removed is seen by nobody. */
#undef readdir

#define INDEX_MAX ((size_t)64 * 1024 * 1024)
#define ID_DIGITS 64u

/* All indexes, one after the other. False if there is none of the layers, or one cannot be read:
 * then nothing is known, and nothing with an identity is removed. */
static bool load_indexes(const char *store, struct ss_buf *ret)
{
	static const char *const names[] = {
		"overlay-layers/layers.json",         "overlay-layers/volatile-layers.json",
		"overlay-containers/containers.json", "overlay-containers/volatile-containers.json",
		"overlay-images/images.json",
	};

	for (size_t i = 0; i < SS_NELEMS(names); i++) {
		AUTO_BUF struct ss_buf one = SS_BUF_INIT(INDEX_MAX);
		AUTO_FREE char *path = engine_text("%s/%s", store, names[i]);
		struct ss_err ignored = { 0 };

		if (i > 0 && access(path, F_OK) != 0)
			continue;
		if (io_load_file(path, &one, &ignored) < 0)
			return false;
		ss_buf_put(ret, ss_buf_span(&one));
	}
	return !ret->bad;
}

/* "<64 digits>", or that and a dot and more. */
static bool has_identity(const char *name)
{
	return strspn(name, "0123456789abcdef") == ID_DIGITS &&
	       (name[ID_DIGITS] == '\0' || name[ID_DIGITS] == '.');
}

/* What the engines' library calls a temporary folder: a word and digits. */
static bool is_temporary(const char *name)
{
	const size_t word = strspn(name, "abcdefghijklmnopqrstuvwxyz-");
	const size_t digits = strspn(name + word, "0123456789");

	return word > 1 && digits > 0 && name[word + digits] == '\0';
}

/* `known` is NULL where nothing is. */
static bool is_forgotten(const char *name, const struct ss_buf *known)
{
	if (has_identity(name))
		return known != NULL && memmem(known->p, known->n, name, ID_DIGITS) == NULL;
	return is_temporary(name);
}

static void sweep_folder(const char *store, const char *name, const struct ss_buf *known)
{
	AUTO_FREE char *dir = engine_text("%s/%s", store, name);
	DIR *d = opendir(dir);

	for (const struct dirent *e = d != NULL ? readdir(d) : NULL; e != NULL; e = readdir(d)) {
		AUTO_FREE char *path = engine_text("%s/%s", dir, e->d_name);

		if (is_forgotten(e->d_name, known) && unlink(path) < 0)
			io_remove_tree(path);
	}
	if (d != NULL)
		(void)closedir(d);
}

/* The short names of layers: links that lead nowhere now. */
static void sweep_links(const char *store)
{
	AUTO_FREE char *dir = engine_text("%s/overlay/l", store);
	DIR *d = opendir(dir);

	for (const struct dirent *e = d != NULL ? readdir(d) : NULL; e != NULL; e = readdir(d))
		if (e->d_type == DT_LNK && faccessat(dirfd(d), e->d_name, F_OK, 0) != 0)
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
}

void buildah_sweep(const char *store)
{
	static const char *const folders[] = { "overlay", "overlay-layers", "overlay-containers",
					       "overlay-images" };
	AUTO_BUF struct ss_buf known = SS_BUF_INIT(5 * INDEX_MAX);
	const bool is_known = load_indexes(store, &known);

	for (size_t i = 0; i < SS_NELEMS(folders); i++)
		sweep_folder(store, folders[i], is_known ? &known : NULL);
	sweep_links(store);
}
