/* SPDX-License-Identifier: MIT */
/*
 * What the files of the camera module have in common: all that knows libcamera, one source for 0.0.3 to 0.7.
 *
 * Inside, what goes wrong is thrown; module.cpp, which C calls, turns it into -errno.
 */
#pragma once

#include <functional>
#include <libcamera/libcamera.h>
#include <memory>
#include <string>

#include "daemon/sources/camera/camera.h"

#define LIBCAMERA                                                                                  \
	(LIBCAMERA_VERSION_MAJOR * 1000000 + LIBCAMERA_VERSION_MINOR * 1000 +                      \
	    LIBCAMERA_VERSION_PATCH)

namespace fr
{

/** What is thrown inside, and returned to C. */
struct failure {
	int err;
	std::string text;
};

/** Throws it. */
[[noreturn]] void fail(int err, const std::string &text);

/* ---- cameras.cpp ---- */

/**
 * A hold on libcamera's manager, of which there may be one a process. It lives while somebody has a hold on it, and is
 * then made anew: it sees what was plugged in since. Nothing else here is shared.
 *
 * A manager that has seen a camera go is of no more use: for each device that was there when it began it keeps a pointer
 * to what it has freed, and follows it when that device is plugged in again (DeviceEnumeratorUdev::addV4L2Device(),
 * libcamera 0.0.3 and later). So all who hold it have to let go; until then nobody else gets a hold.
 */
class hold
{
      public:
	/**
	 * @param on_lost  a camera was unplugged, whoever's it was: let go. Called in libcamera's thread
	 *
	 * Throws EAGAIN: somebody has not let go yet.
	 */
	explicit hold(std::function<void()> on_lost);
	hold(const hold &) = delete;
	hold &operator=(const hold &) = delete;
	~hold();

	libcamera::CameraManager &manager() const;

      private:
	friend struct holds;
	const std::function<void()> lost;
};

/** @param id  as in struct fr_camera_wish. Throws ENODEV: there is none, or not this one */
std::shared_ptr<libcamera::Camera> find_camera(libcamera::CameraManager &cm, const std::string &id);

std::string model_of(const libcamera::Camera &camera);
const char *location_of(const libcamera::Camera &camera); /* as in struct fr_camera_info */

/* ---- formats.cpp ---- */

/** "1280x720-MJPEG 640x480-YUYV": what it offers that we know, largest first. */
std::string modes_of(libcamera::Camera &camera);

/** Sets the format whose size comes nearest to the one wanted. Throws EINVAL: it has none that we know */
void choose_format(libcamera::CameraConfiguration &config, const libcamera::Size &size);

/** Asks for the turning; says in `mode` what the camera does of it. */
void orient(libcamera::CameraConfiguration &config, const struct fr_camera_wish &wish,
    struct fr_camera_mode &mode);

/** @return false: it cannot be encoded */
bool format_of(const libcamera::PixelFormat &pixels, enum fr_camera_format &ret);

/* ---- controls.cpp ---- */

/** What the camera is started with. Throws EINVAL: it has no such control, or not this value */
libcamera::ControlList controls_for(
    const libcamera::Camera &camera, const struct fr_camera_wish &wish);

} /* namespace fr */
