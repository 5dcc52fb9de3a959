# SPDX-License-Identifier: MIT
#
# The tests: a program for each file, found by its name.
#
#   tests/unit/**/X_test.c   cmocka, label unit      tests/fuzz/X_fuzz.c   label fuzz
#   tests/loop/**/X_test.c   cmocka, label loop      tests/bench/X/*.c     one program, not a test
#
# Without FR_FUZZ a fuzz target is linked with a small main that reads its corpus once; with it,
# libFuzzer brings the main, and no other test is built.
enable_testing()
get_property(layers GLOBAL PROPERTY FR_LAYERS)

file(GLOB support_sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/support/*.c")
set(fuzz_main "${CMAKE_SOURCE_DIR}/tests/support/fuzz_main.c")
list(REMOVE_ITEM support_sources "${fuzz_main}")
set(support "")
if(support_sources AND NOT FR_FUZZ)
    set(support fr_test_support)
    add_library(${support} STATIC ${support_sources})
    target_link_libraries(${support} PUBLIC ${layers} PkgConfig::CMOCKA)
endif()

# A camera that does what a test says, behind the header of the camera module.
if(NOT FR_FUZZ)
    add_library(fr_camera_fake SHARED "${CMAKE_SOURCE_DIR}/tests/camera-fake/fake.c")
    target_link_libraries(fr_camera_fake PRIVATE Threads::Threads)
    add_library(wall_clock SHARED "${CMAKE_SOURCE_DIR}/tests/camera-fake/wall_clock.c")
endif()

set(thread_targets "")
if(NOT FR_FUZZ)
    foreach(kind unit loop)
        file(GLOB_RECURSE files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/${kind}/*_test.c")
        foreach(file IN LISTS files)
            file(RELATIVE_PATH name "${CMAKE_SOURCE_DIR}/tests" "${file}")
            string(REGEX REPLACE "_test\\.c$" "" name "${name}")
            string(REPLACE "/" "-" target "${name}")
            add_executable(${target} "${file}")
            set_target_properties(${target} PROPERTIES
                RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests/${kind}")
            target_link_libraries(${target} PRIVATE ${support} ${layers} PkgConfig::CMOCKA)
            add_test(NAME ${name} COMMAND ${target} WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
            set(labels ${kind})
            if(name MATCHES "${FR_THREAD_TESTS}")
                list(APPEND labels threads)
                list(APPEND thread_targets ${target})
            endif()
            set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT 120)
        endforeach()
    endforeach()
    target_link_libraries(loop-daemon-sources-camera PRIVATE fr_camera_fake)
    target_link_libraries(unit-daemon-sources-camera-planes PRIVATE fr_camera_fake)
    target_compile_definitions(loop-daemon-sources-camera PRIVATE FR_CAMERA_FAKE="$<TARGET_FILE:fr_camera_fake>")
    # What the TSan build needs, and no more.
    add_custom_target(thread_tests DEPENDS ${thread_targets})

    file(GLOB folders CONFIGURE_DEPENDS LIST_DIRECTORIES true "${CMAKE_SOURCE_DIR}/tests/bench/*")
    foreach(folder IN LISTS folders)
        file(GLOB files CONFIGURE_DEPENDS "${folder}/*.c")
        if(NOT files)
            continue()
        endif()
        get_filename_component(target "${folder}" NAME)
        add_executable(${target} ${files})
        set_target_properties(${target} PROPERTIES
            RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests/bench")
        target_link_libraries(${target} PRIVATE ${layers})
    endforeach()
endif()

set(fuzz_targets "")
file(GLOB files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/fuzz/*_fuzz.c")
foreach(file IN LISTS files)
    get_filename_component(target "${file}" NAME_WE)
    string(REGEX REPLACE "_fuzz$" "" name "${target}")
    list(APPEND fuzz_targets ${target})
    add_executable(${target} "${file}")
    set_target_properties(${target} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests/fuzz")
    target_link_libraries(${target} PRIVATE ${layers})
    if(FR_FUZZ)
        target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    else()
        target_sources(${target} PRIVATE "${fuzz_main}")
        add_test(NAME fuzz/${name}
            COMMAND ${target} "${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name}"
            WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
        set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz TIMEOUT 120)
    endif()
endforeach()
add_custom_target(fuzz_targets DEPENDS ${fuzz_targets})

# The same as tests/run.sh has, for `ctest -L lint` and `ctest -L scenario`.
if(NOT FR_FUZZ)
    add_test(NAME lint COMMAND /usr/bin/python3 "${CMAKE_SOURCE_DIR}/tests/lint/run.py" static)
    set_tests_properties(lint PROPERTIES LABELS lint TIMEOUT 300)
    if(TARGET framerelayd AND EXISTS "${CMAKE_SOURCE_DIR}/tests/scenario")
        add_test(NAME scenario COMMAND /usr/bin/python3 -m pytest -q "${CMAKE_SOURCE_DIR}/tests/scenario")
        set_tests_properties(scenario PROPERTIES LABELS scenario TIMEOUT 1500
            ENVIRONMENT "FRAMERELAYD=$<TARGET_FILE:framerelayd>;FRAMERELAYD_RELEASE=$<TARGET_FILE:framerelayd>")
    endif()
endif()
