# SPDX-License-Identifier: MIT
# Called by CPack when it has installed each component below a folder of its own, just as
# `cmake --install` would: puts that where Debian wants it, and adds what only a package has.
# chatd.ini, chatd.service and LICENSE have one source each; what differs in a package is changed here,
# and a source that no longer has what is to be changed stops the packaging.
cmake_minimum_required(VERSION 3.25)

set(source ${CPACK_CHATD_SOURCE_DIR})
set(server ${CPACK_TEMPORARY_DIRECTORY}/server)
set(sdk ${CPACK_TEMPORARY_DIRECTORY}/sdk)

# replace(VAR FROM TO): once, and FROM has to be there once.
function(replace var from to)
    string(REPLACE "${from}" "${to}" result "${${var}}")
    string(LENGTH "${${var}}" before)
    string(LENGTH "${result}" after)
    string(LENGTH "${from}" length_from)
    string(LENGTH "${to}" length_to)
    math(EXPR expected "${before} - ${length_from} + ${length_to}")
    if(NOT after EQUAL expected)
        message(FATAL_ERROR "arrange.cmake: \"${from}\" has to be there exactly once")
    endif()
    set(${var} "${result}" PARENT_SCOPE)
endfunction()

# write(PATH TEXT): as a file that everybody may read, whatever umask the builder has.
function(write path text)
    file(WRITE "${path}" "${text}")
    file(CHMOD "${path}" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endfunction()

# gzip(PATH): without name and time, as Debian wants it.
function(gzip path)
    execute_process(COMMAND gzip -9nf "${path}" COMMAND_ERROR_IS_FATAL ANY)
    file(CHMOD "${path}.gz" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endfunction()

# A build without SQLite is for people who know what they do; the INI below would not start it.
if(NOT EXISTS ${server}/usr/lib/chatd/history-sqlite.so)
    message(FATAL_ERROR "arrange.cmake: the packages want a build with CHATD_SQLITE=ON")
endif()

# -- configuration ----------------------------------------------------------------------------------

# Paths in the INI begin at the INI, whose folder chatd may not write to here.
file(READ ${source}/etc/chatd.ini ini)
replace(ini "\npath = chatd.db\n" "\npath = /var/lib/chatd/chatd.db\n")
write(${server}/etc/chatd/chatd.ini "${ini}")
file(REMOVE_RECURSE ${server}/usr/etc)

# -- unit -------------------------------------------------------------------------------------------

# The remarks above the first section are about installing by hand.
file(READ ${source}/etc/chatd.service unit)
string(FIND "${unit}" "[Unit]" begin)
string(SUBSTRING "${unit}" ${begin} -1 unit)
string(PREPEND unit "# SPDX-License-Identifier: MIT
# Changes belong into a file of their own, which upgrades leave alone: systemctl edit chatd
")
replace(unit "file:/usr/local/share/doc/chatd/README.md"
        "man:chatd(1) man:chatd.ini(5) file:/usr/share/doc/chatd/README.md")
replace(unit "ExecStart=/usr/local/bin/chatd " "ExecStart=/usr/bin/chatd ")
if(unit MATCHES "/usr/local")
    message(FATAL_ERROR "arrange.cmake: chatd.service names /usr/local where nothing replaces it")
endif()
write(${server}/usr/lib/systemd/system/chatd.service "${unit}")
file(REMOVE ${server}/usr/share/chatd/chatd.service)

# -- documentation ----------------------------------------------------------------------------------

# README.md names etc/README.md; so its link leads there in the package, too.
file(MAKE_DIRECTORY ${server}/usr/share/doc/chatd/etc)
file(RENAME ${server}/usr/share/chatd/README.md ${server}/usr/share/doc/chatd/etc/README.md)
file(REMOVE ${server}/usr/share/doc/chatd/LICENSE)
gzip(${server}/usr/share/man/man1/chatd.1)
gzip(${server}/usr/share/man/man5/chatd.ini.5)
gzip(${sdk}/usr/share/man/man7/chatd-plugin.7)

file(READ ${source}/LICENSE license)
string(REGEX MATCH "Copyright \\(c\\) ([^\n]+)" ignored "${license}")
set(holders "${CMAKE_MATCH_1}")
string(REGEX REPLACE "^.*Copyright[^\n]*\n\n" "" license "${license}")
string(REGEX REPLACE "\n$" "" license "${license}")
string(REGEX REPLACE "\n\n" "\n.\n" license "${license}")
string(REPLACE "\n" "\n " license "${license}")
set(copyright "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: chatd

Files: *
Copyright: ${holders}
License: Expat
 ${license}
")
file(READ ${source}/etc/debian/changelog changelog)
foreach(folder IN ITEMS ${server}/usr/share/doc/chatd ${sdk}/usr/share/doc/chatd-sdk)
    write(${folder}/copyright "${copyright}")
    write(${folder}/changelog "${changelog}")
    gzip(${folder}/changelog)
endforeach()

# -- SDK --------------------------------------------------------------------------------------------

# The same on every architecture; the .pc files find their way from where they lie.
file(MAKE_DIRECTORY ${sdk}/usr/share/pkgconfig)
foreach(name IN ITEMS chatd-sdk chatd-testhost)
    file(RENAME ${sdk}/usr/lib/pkgconfig/${name}.pc ${sdk}/usr/share/pkgconfig/${name}.pc)
endforeach()
file(REMOVE_RECURSE ${sdk}/usr/lib/pkgconfig)

# Nothing names the folder it was built in; CPack strips all but static libraries.
find_program(strip strip REQUIRED)
execute_process(COMMAND ${strip} --strip-debug ${sdk}/usr/lib/libchatd-testhost.a COMMAND_ERROR_IS_FATAL ANY)

# Not moved: small machines and containers often leave out /usr/share/doc.
foreach(folder IN ITEMS doc examples)
    file(CREATE_LINK ../../chatd/sdk/${folder} ${sdk}/usr/share/doc/chatd-sdk/${folder} SYMBOLIC)
endforeach()

write(${sdk}/usr/share/lintian/overrides/chatd-sdk
      "# The .pc file says how to make a plugin in one call of the compiler: an object that is position
# independent and exports one symbol. Without these flags it would not be linked, or export all.
chatd-sdk: pkg-config-bad-directive -fPIC *
chatd-sdk: pkg-config-bad-directive -fvisibility=hidden *
")
