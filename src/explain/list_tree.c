/* SPDX-License-Identifier: Apache-2.0 */
#include "explain/ex_list.h"

int ex_list_tree(struct ex_source *src, struct ex_list *ret, struct ss_err *err)
{
	AUTO_EX_LIST struct ex_list l = { 0 };
	struct tree_walk w;
	struct tree_inode in;

	ex_list_init(&l, EX_TREE, src, TREE_MAX_NAMES);
	tree_sort(src->tree);
	tree_walk_init(&w, src->tree);
	for (tree_id id = tree_walk_next(&w); id != TREE_NONE; id = tree_walk_next(&w)) {
		struct ex_entry e;

		tree_stat(src->tree, id, &in);
		e = (struct ex_entry){ .mode = tree_newc_type(in.type) | in.mode,
				       .uid = in.uid,
				       .gid = in.gid,
				       .rdev_major = in.rdev_major,
				       .rdev_minor = in.rdev_minor,
				       .ino = tree_inode_no(src->tree, id) + 1,
				       .nlink = in.type == TREE_DIR ? 2 : in.nlink,
				       .mtime = in.mtime,
				       .id = id,
				       .n = in.type == TREE_REG ? in.size : 0,
				       .size = in.size };
		if (ex_list_add(&l, (struct ss_span){ w.path, w.path_n }, &e, err) < 0)
			return -1;
		if (in.type == TREE_LNK)
			ex_list_target(&l, in.target);
	}
	ex_list_end(&l);
	*ret = l;
	l = (struct ex_list){ 0 };
	return 0;
}
