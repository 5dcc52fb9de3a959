/* SPDX-License-Identifier: MIT */
/* A camera that is open: its buffers, its requests, and what has come. */
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <deque>
#include <mutex>
#include <unistd.h>
#include <vector>

#include <sys/eventfd.h>
#include <sys/mman.h>

#include "daemon/sources/camera/module/inside.hpp"

namespace fr
{

/* Memory of one descriptor; planes of a buffer may share it. */
struct mapping {
	void *memory = MAP_FAILED;
	size_t size = 0;

	mapping(int fd, size_t bytes) : size(bytes)
	{
		memory = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
		if (memory == MAP_FAILED)
			fail(errno, std::string("a buffer of the camera cannot be mapped: ") +
			                std::strerror(errno));
	}
	mapping(const mapping &) = delete;
	mapping &operator=(const mapping &) = delete;
	~mapping()
	{
		if (memory != MAP_FAILED)
			(void)::munmap(memory, size);
	}
};

struct plane {
	const uint8_t *bytes;
	size_t size;
};

} /* namespace fr */

struct fr_camera {
	std::unique_ptr<fr::hold> library;
	std::shared_ptr<libcamera::Camera> camera;
	std::unique_ptr<libcamera::CameraConfiguration> config;
	std::unique_ptr<libcamera::FrameBufferAllocator> allocator;
	std::vector<std::unique_ptr<fr::mapping>> mappings;
	std::vector<std::vector<fr::plane>> planes; /* of each buffer */
	std::vector<std::unique_ptr<libcamera::Request>> requests;
	enum fr_camera_format format = FR_CAMERA_MJPEG;
	libcamera::Size size;
	unsigned stride = 0;
	bool is_acquired = false, is_started = false;

	int fd = -1;
	std::mutex lock; /* for what follows */
	std::deque<libcamera::Request *> done;
	bool is_gone = false, is_stale = false;

	fr_camera() : fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
	{
		if (fd < 0)
			fr::fail(errno, "no descriptor is left for the camera");
	}
	fr_camera(const fr_camera &) = delete;
	fr_camera &operator=(const fr_camera &) = delete;
	~fr_camera();

	void open(const struct fr_camera_wish &wish, struct fr_camera_mode &mode);
	void map_buffers(libcamera::Stream *stream);
	void start(const libcamera::ControlList &controls);
	int take(struct fr_camera_picture &ret);
	bool picture_of(libcamera::Request &request, struct fr_camera_picture &ret) const;

	/* In libcamera's thread. */
	void on_completed(libcamera::Request *request);
	void on_disconnected();
	void on_lost();
	void wake() const
	{
		static const uint64_t one = 1;

		(void)!::write(fd, &one, sizeof(one)); /* at its limit it is readable already */
	}
};
