/* SPDX-License-Identifier: MIT */
/*
 * libcamera behind camera.h: the functions that C calls. This folder is the only C++ of the program.
 *
 * They are noexcept, or all of it is in guarded(), which turns what is thrown into -errno.
 */
#include <cerrno>
#include <cstdio>
#include <exception>
#include <new>

#include "common/base/cause.h"
#include "daemon/sources/camera/module/session.hpp"

using namespace fr;

#define TEXT(x)    #x
#define TEXT_OF(x) TEXT(x)

namespace
{

/* Runs `body`, and gives what it throws to C. */
template <typename body_fn> int guarded(struct fr_cause *why, body_fn body) noexcept
{
	const auto tell = [why](int err, const char *text) {
		if (why != nullptr)
			(void)std::snprintf(why->text, sizeof(why->text), "%s", text);
		return -err;
	};

	try {
		body();
		return 0;
	} catch (const failure &f) {
		return tell(f.err, f.text.c_str());
	} catch (const std::bad_alloc &) {
		return tell(ENOMEM, "no memory for the camera");
	} catch (const std::exception &e) {
		return tell(EIO, e.what());
	} catch (...) {
		return tell(EIO, "libcamera failed");
	}
}

int list_cameras(
    void (*each)(void *arg, const struct fr_camera_info *info), void *arg, struct fr_cause *why)
{
	return guarded(why, [&] {
		const hold library([] {});

		for (const auto &camera : library.manager().cameras()) {
			const std::string id = camera->id();
			const std::string model = model_of(*camera);
			const std::string modes = modes_of(*camera);
			const struct fr_camera_info info = {
			    id.c_str(), model.c_str(), location_of(*camera), modes.c_str()};

			each(arg, &info);
		}
	});
}

int open_camera(const struct fr_camera_wish *wish, struct fr_camera **ret,
    struct fr_camera_mode *ret_mode, struct fr_cause *why)
{
	return guarded(why, [&] {
		auto camera = std::make_unique<fr_camera>();
		struct fr_camera_mode mode = {};

		camera->open(*wish, mode);
		*ret_mode = mode;
		*ret = camera.release();
	});
}

int wait_fd(const struct fr_camera *camera) noexcept
{
	return camera->fd;
}

int take(struct fr_camera *camera, struct fr_camera_picture *ret) noexcept
{
	int result = -EIO;
	const int r = guarded(nullptr, [&] { result = camera->take(*ret); });

	return r < 0 ? r : result;
}

void give_back(struct fr_camera *camera, unsigned buffer) noexcept
{
	(void)guarded(nullptr, [&] {
		libcamera::Request *request = camera->requests.at(buffer).get();

		request->reuse(libcamera::Request::ReuseBuffers);
		(void)camera->camera->queueRequest(request); /* as in take() */
	});
}

void close_camera(struct fr_camera *camera) noexcept
{
	(void)guarded(nullptr, [&] { delete camera; });
}

const struct fr_camera_ops module_ops = {
    FR_CAMERA_ABI,
    "libcamera " TEXT_OF(LIBCAMERA_VERSION_MAJOR) "." TEXT_OF(LIBCAMERA_VERSION_MINOR) "." TEXT_OF(
        LIBCAMERA_VERSION_PATCH),
    list_cameras,
    open_camera,
    wait_fd,
    take,
    give_back,
    close_camera,
};

} /* namespace */

extern "C" const struct fr_camera_ops *fr_camera_module(void)
{
	return &module_ops;
}
