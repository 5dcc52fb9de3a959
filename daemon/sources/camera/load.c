/* SPDX-License-Identifier: MIT */
#include "daemon/sources/camera/load.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/cause.h"
#include "daemon/sources/camera/camera.h"

#define MODULE "framerelayd-camera.so"

/* Where the build puts it: beside the program. */
static void beside_program(char path[PATH_MAX])
{
	const ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - sizeof(MODULE));
	char *slash;

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	(void)snprintf(slash != NULL ? slash + 1 : path, sizeof(MODULE), "%s", MODULE);
}

static int find(char path[PATH_MAX], struct fr_cause *why)
{
	const char *named = getenv("FRAMERELAYD_CAMERA");

	if (named != NULL) {
		(void)snprintf(path, PATH_MAX, "%s", named);
		return 0;
	}
	beside_program(path);
	if (access(path, F_OK) == 0)
		return 0;
	(void)snprintf(path, PATH_MAX, "%s/%s", FR_MODULES, MODULE);
	if (access(path, F_OK) == 0)
		return 0;
	return fr_cause_set(why, ENOENT,
	    "the camera module is not installed (there is no %s): the build needs libcamera-dev "
	    "and g++",
	    path);
}

int fr_camera_load(const struct fr_camera_ops **ret, struct fr_cause *why)
{
	const struct fr_camera_ops *(*entry)(void);
	const struct fr_camera_ops *ops;
	char path[PATH_MAX];
	void *module, *symbol;
	const int r = find(path, why);

	if (r < 0)
		return r;
	/* Not to be unloaded: libcamera has threads, and keeps what it made for the end of the process. */
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (module == NULL)
		return fr_cause_set(
		    why, ELIBACC, "the camera module cannot be loaded: %s", dlerror());
	symbol = dlsym(module, "fr_camera_module");
	if (symbol == NULL)
		return fr_cause_set(why, ELIBACC, "%s is not a camera module", path);
	memcpy(&entry, &symbol, sizeof(entry)); /* C has no cast for this */
	ops = entry();
	if (ops->abi != FR_CAMERA_ABI)
		return fr_cause_set(why, ELIBACC,
		    "%s belongs to another version of framerelayd: install both from the same one",
		    path);
	*ret = ops;
	return 0;
}
