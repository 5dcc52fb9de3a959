/* SPDX-License-Identifier: MIT */
#include "daemon/list_cameras.h"

#include <stddef.h>

#include "common/base/cause.h"
#include "common/base/text.h"
#include "daemon/sources/camera/camera.h"
#include "daemon/sources/camera/load.h"

struct list {
	struct fr_text *to; /* NULL: only counted */
	unsigned count;
};

static void each(void *arg, const struct fr_camera_info *info)
{
	struct list *list = arg;
	const unsigned number = list->count++;

	if (list->to == NULL)
		return;
	fr_text_add(list->to, "%u: %s%s%s%s%s\n", number, info->id,
	    info->model[0] != '\0' ? "  " : "", info->model, info->location[0] != '\0' ? ", " : "",
	    info->location);
	if (info->modes[0] != '\0')
		fr_text_add(list->to, "   %s\n", info->modes);
}

int fr_list_cameras(struct fr_text *to, struct fr_cause *why)
{
	struct list list = {.to = to};
	const struct fr_camera_ops *ops;
	int r = fr_camera_load(&ops, why);

	if (r == 0)
		r = ops->list(each, &list, why);
	if (r == 0 && list.count == 0)
		fr_text_add(to, "no camera is there (%s)\n", ops->library);
	return r;
}

bool fr_camera_is_there(void)
{
	struct list list = {.to = NULL};
	const struct fr_camera_ops *ops;

	return fr_camera_load(&ops, NULL) == 0 && ops->list(each, &list, NULL) == 0 &&
	       list.count > 0;
}
