# SPDX-License-Identifier: MIT
#
# fr_layer() and fr_wiring(): a folder of sources becomes a static library, and the files
# directly in a folder of layers become the program that joins them.
#
# Which folder may use which is said twice, and on purpose: here for the linker, and in
# tests/lint/layers.def for every single #include.

# Gives the name of the library of a folder: common/media is fr_common_media.
function(fr_target_of folder ret)
    string(REPLACE "/" "_" name "fr_${folder}")
    set(${ret} ${name} PARENT_SCOPE)
endfunction()

# Reads a table of plug-ins (doors.def and the like) and gives the sources of its rows: `met`
# those to build, `rows` all of them. A row is WORD(name, NEED) and stands for the file
# <name>.c or the folder <name>/.
function(fr_table_sources folder def ret_met ret_rows)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${def}")
    file(STRINGS "${def}" lines REGEX "^[A-Z]+\\(")
    set(met "")
    set(rows "")
    foreach(line IN LISTS lines)
        if(NOT line MATCHES "^[A-Z]+\\(([a-z0-9_]+), *([A-Z0-9_]+)\\)")
            message(FATAL_ERROR "${def}: not a row: ${line}")
        endif()
        set(name ${CMAKE_MATCH_1})
        set(need ${CMAKE_MATCH_2})
        if(NOT need IN_LIST FR_NEEDS)
            message(FATAL_ERROR "${def}: ${name}: ${need} is not one of: ${FR_NEEDS}")
        endif()
        file(GLOB found CONFIGURE_DEPENDS
            "${CMAKE_SOURCE_DIR}/${folder}/${name}.c" "${CMAKE_SOURCE_DIR}/${folder}/${name}/*.c")
        if(NOT found)
            message(FATAL_ERROR "${def}: ${name}: no ${folder}/${name}.c")
        endif()
        list(APPEND rows ${found})
        if(FR_HAVE_${need})
            list(APPEND met ${found})
        endif()
    endforeach()
    set(${ret_met} "${met}" PARENT_SCOPE)
    set(${ret_rows} "${rows}" PARENT_SCOPE)
endfunction()

# fr_layer(<folder> <dependency>...): a dependency with a slash is a layer, any other a library.
# A folder without sources makes no library, and is passed over where it is named.
function(fr_layer folder)
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${folder}/*.c")
    get_filename_component(last "${folder}" NAME)
    set(def "${CMAKE_SOURCE_DIR}/${folder}/${last}.def")
    if(EXISTS "${def}")
        fr_table_sources("${folder}" "${def}" met rows)
        list(REMOVE_ITEM sources ${rows})
        list(APPEND sources ${met})
    endif()
    if(NOT sources)
        return()
    endif()

    fr_target_of("${folder}" target)
    add_library(${target} STATIC ${sources})
    foreach(dependency IN LISTS ARGN)
        if(dependency MATCHES "/")
            fr_target_of("${dependency}" dependency)
            if(NOT TARGET ${dependency})
                continue()
            endif()
        endif()
        target_link_libraries(${target} PUBLIC ${dependency})
    endforeach()
    set_property(GLOBAL APPEND PROPERTY FR_LAYERS ${target})
endfunction()

# fr_wiring(<folder> <program> <library>...): the files directly in the folder. All but
# <program>.c are a library of their own, so that tests reach them too.
function(fr_wiring folder program)
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${folder}/*.c")
    set(main "${CMAKE_SOURCE_DIR}/${folder}/${program}.c")
    list(REMOVE_ITEM sources "${main}")
    get_property(layers GLOBAL PROPERTY FR_LAYERS)
    fr_target_of("${folder}" target)
    if(sources)
        add_library(${target} STATIC ${sources})
        # The nearest to the program first: each layer's library follows its users.
        list(REVERSE layers)
        target_link_libraries(${target} PUBLIC ${layers} ${ARGN})
        set_property(GLOBAL PROPERTY FR_LAYERS ${target} ${layers})
    endif()
    if(EXISTS "${main}")
        add_executable(${program} "${main}")
        get_property(layers GLOBAL PROPERTY FR_LAYERS)
        target_link_libraries(${program} PRIVATE ${layers} ${ARGN})
    endif()
endfunction()
